"""A module's declaration, and the error about a module that breaks the contract."""

import re
from dataclasses import dataclass


class ModuleError(Exception):
    """A module breaks the contract. The message names the module and the file."""


# RFC 9110 5.6.2, without the star, which would allow every header.
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+")
PERMISSION_NAME = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Permission:
    """Something a caller may be allowed to do.

    `name` is `<module>:<resource>.<action>`, for example `users:user.read`. Every account has the permissions that are
    `by_default`, through the built-in role `user`; the others need another role, or an administrator.
    """

    name: str
    description: str
    by_default: bool = False

    def __post_init__(self) -> None:
        if not PERMISSION_NAME.fullmatch(self.name):
            raise ValueError(f"permission {self.name!r} is not of the form 'module:resource.action'")

    @property
    def module(self) -> str:
        return self.name.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """The declaration of a module: everything that its folder cannot say.

    The folder says the rest: its name is the module's name, the URL prefix and the migration branch, and each part
    is found under its fixed file name (`router.py`, `container.py`, `models.py`, ...).

    Attributes:
        description: One line for the API documentation.
        requires: Names of the modules this one may import, reference by foreign key and receive in its container.
        permissions: The permissions that callers may have in this module; each name begins with the module's name.
        cors_headers: Request headers of this module's own that pages of other origins may send.
        cors_exposed: Response headers of this module's own that such pages may read.
        prefix: URL prefix below `/api`; `/<name>` when not given, `""` for none.
    """

    description: str
    requires: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ()
    cors_headers: tuple[str, ...] = ()
    cors_exposed: tuple[str, ...] = ()
    prefix: str | None = None

    def __post_init__(self) -> None:
        # `requires=("users")` is a string, and iterating it would require the modules "u", "s", "e", ...
        if isinstance(self.requires, str):
            raise TypeError(f"requires must be a tuple of names: write requires=({self.requires!r},)")
        for field in ("cors_headers", "cors_exposed"):
            names = getattr(self, field)
            if isinstance(names, str):
                raise TypeError(f"{field} must be a tuple of names: write {field}=({names!r},)")
            if wrong := [name for name in names if not HEADER_NAME.fullmatch(name)]:
                raise ValueError(f"{field} has {wrong[0]!r}, which is no name of a header; each is written out")
