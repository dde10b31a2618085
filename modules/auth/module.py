from shared.module import Module

module = Module(
    description="Proving who is calling and what they may do: credentials, sessions, tokens, roles.",
    requires=("users",),
)
