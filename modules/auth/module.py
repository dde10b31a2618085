from shared.module import Module, Permission

module = Module(
    description="Proving who is calling and what they may do: credentials, sessions, tokens, roles.",
    requires=("users",),
    permissions=(
        Permission("auth:role.read", "See the roles, and who holds them."),
        Permission("auth:role.write", "Create, change and delete roles."),
        Permission("auth:role.assign", "Give roles to users, and take them away."),
        Permission("auth:session.revoke", "Log users out everywhere."),
        Permission("auth:audit.read", "See what happened to accounts and roles."),
    ),
)
