"""The bodies of this module, each from its subject."""

from modules.auth.accounts.schemas import RegisterRequest
from modules.auth.addresses.schemas import (
    EmailChange,
    EmailVerify,
)
from modules.auth.audit.schemas import AuditEventRead
from modules.auth.mail.schemas import LinkToken
from modules.auth.passwords.schemas import (
    NewPassword,
    Password,
    PasswordChange,
    PasswordForgot,
    PasswordReset,
)
from modules.auth.roles.schemas import (
    CallerRead,
    PermissionNames,
    PermissionRead,
    RoleCreate,
    RoleDescription,
    RoleName,
    RoleRead,
    RoleUpdate,
    UserRoles,
    UserRolesRead,
)
from modules.auth.sessions.schemas import (
    LoginRequest,
    LogoutRequest,
    RefreshRequest,
    RefreshToken,
    SessionRead,
    TokenPair,
)

__all__ = [
    "AuditEventRead",
    "CallerRead",
    "EmailChange",
    "EmailVerify",
    "LinkToken",
    "LoginRequest",
    "LogoutRequest",
    "NewPassword",
    "Password",
    "PasswordChange",
    "PasswordForgot",
    "PasswordReset",
    "PermissionNames",
    "PermissionRead",
    "RefreshRequest",
    "RefreshToken",
    "RegisterRequest",
    "RoleCreate",
    "RoleDescription",
    "RoleName",
    "RoleRead",
    "RoleUpdate",
    "SessionRead",
    "TokenPair",
    "UserRoles",
    "UserRolesRead",
]
