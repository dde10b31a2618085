from shared.module import Module, Permission

module = Module(
    description="Who exists: the user and the profile.",
    permissions=(
        Permission("users:user.read", "See every user."),
        Permission("users:user.write", "Create, change, deactivate and activate users."),
    ),
)
