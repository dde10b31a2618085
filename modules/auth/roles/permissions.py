"""The permissions that the active modules declare, and those of the built-in roles."""

from modules.auth.models import ADMIN, USER
from shared.module import Permission


class DeclaredPermissions:
    """The built-in roles store no permissions, so that they have those of a new module from its first start on."""

    def __init__(self, permissions: tuple[Permission, ...]) -> None:
        self.all = permissions
        self.names = frozenset(permission.name for permission in permissions)
        self._built_in = {
            ADMIN: self.names,
            USER: frozenset(permission.name for permission in permissions if permission.by_default),
        }

    def of_built_in(self, role: str) -> frozenset[str]:
        """The permissions of a built-in role; none for any other role."""
        return self._built_in.get(role, frozenset())
