"""Authentication and roles. Other modules import nothing from here: they get the caller as `shared.access.Caller`."""

__all__: list[str] = []
