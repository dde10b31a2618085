"""What there is to be allowed, as the active modules declare it, and what follows from that for the built-in roles."""

from modules.auth.models import ADMIN, USER
from shared.module import Permission


class DeclaredPermissions:
    """The built-in roles store no permissions: a new module's are theirs from its first start on."""

    def __init__(self, permissions: tuple[Permission, ...]) -> None:
        self.all = permissions
        self.names = frozenset(permission.name for permission in permissions)
        self._built_in = {
            ADMIN: self.names,
            USER: frozenset(permission.name for permission in permissions if permission.by_default),
        }

    def of_built_in(self, role: str) -> frozenset[str]:
        """Nothing for a role that is not built in."""
        return self._built_in.get(role, frozenset())
