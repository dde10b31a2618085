from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from modules.users import Email, Locale, Nickname
from shared.text import AnyText, RequestBody, ResponseData, SafeText

# The policy proper is in services/policy.py. This bound keeps absurd bodies away from the hash, at login too.
Password = Annotated[AnyText, Field(min_length=1, max_length=1024, examples=["seven purple tractors sing"])]


class RegisterRequest(RequestBody):
    email: Email
    password: Password
    nickname: Nickname | None = None
    locale: Annotated[
        Locale | None, Field(description="Of the mails to this user; else taken from Accept-Language.")
    ] = None


class LoginRequest(RequestBody):
    # Not an Email: at login an impossible address is an unknown one, and answers like any other.
    email: Annotated[SafeText, Field(min_length=1, max_length=1024, examples=["ada@example.com"])]
    password: Password


RefreshToken = Annotated[AnyText, Field(min_length=1, max_length=500)]


class RefreshRequest(RequestBody):
    refresh_token: RefreshToken


class LogoutRequest(RequestBody):
    scope: Annotated[
        Literal["this", "others", "all"],
        Field(description="This session, your others, or all of them; `this` if left out."),
    ] = "this"
    refresh_token: Annotated[
        RefreshToken | None,
        Field(description="Instead of an access token, which may have expired: its session ends."),
    ] = None

    @model_validator(mode="after")
    def _refresh_token_is_for_its_own_session(self) -> Self:
        # An old one proves too little to end the other sessions, too.
        if self.refresh_token is not None and self.scope != "this":
            raise ValueError("With a refresh token only its own session can be ended; leave out the scope.")
        return self


class TokenPair(ResponseData):
    """Lifetimes are in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - RFC 6750's name, no secret
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    session_id: UUID


class SessionRead(ResponseData):
    """A login on one device, as its owner may recognise it."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    ip: str | None
    user_agent: str | None
    current: bool


class PasswordChange(RequestBody):
    current_password: Password
    new_password: Password


class PasswordForgot(RequestBody):
    email: Email


LinkToken = Annotated[
    AnyText, Field(min_length=1, max_length=200, description="What stands after `#token=` in the link.")
]


class PasswordReset(RequestBody):
    token: LinkToken
    new_password: Password


class EmailVerify(RequestBody):
    token: LinkToken


class EmailChange(RequestBody):
    new_email: Email
    current_password: Password


RoleName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=50, description="Lower case, a letter first.", examples=["editor"]),
]
RoleDescription = Annotated[SafeText, Field(max_length=255)]
PermissionNames = Annotated[list[Annotated[SafeText, Field(max_length=150)]], Field(max_length=1000)]


class PermissionRead(ResponseData):
    """`by_default` permissions are every account's, through the built-in role `user`."""

    name: str
    description: str
    module: str
    by_default: bool


class RoleCreate(RequestBody):
    name: RoleName
    description: RoleDescription = ""
    permissions: PermissionNames = Field(default_factory=list)


class RoleUpdate(RequestBody):
    """What is left out stays as it is."""

    # By a factory, because a default would be documented as what happens to a role when the field is left out.
    description: RoleDescription = Field(default_factory=str)
    permissions: PermissionNames = Field(default_factory=list)


class RoleRead(ResponseData):
    """What the built-in roles hold follows from what the modules declare."""

    name: str
    description: str
    is_builtin: bool
    permissions: list[str]


class UserRoles(RequestBody):
    roles: Annotated[list[RoleName], Field(max_length=100)]


class UserRolesRead(ResponseData):
    roles: list[str]


class AuditEventRead(ResponseData):
    """`user_id` is whom it is about, `actor_id` who did it; both outlive the accounts they name."""

    id: UUID
    at: datetime
    event: str
    user_id: UUID | None
    actor_id: UUID | None
    session_id: UUID | None
    ip: str | None
    request_id: str
    details: dict[str, Any]


class CallerRead(ResponseData):
    """What the caller may do at this moment."""

    user_id: UUID = Field(description="Whose access token it is.")
    session_id: UUID = Field(description="The session that it belongs to.")
    roles: list[str] = Field(description="The roles you hold.", examples=[["user"]])
    permissions: list[str] = Field(
        description="What you may do: what your roles hold together. None while the password must be changed.",
        examples=[["users:user.read"]],
    )
    must_change_password: bool = Field(
        description="Whether a new password comes first: until then every route that requires a permission is closed."
    )
    locale: Locale = Field(description="The language of the mails to you.", examples=["en"])
    authenticated_at: datetime = Field(description="When you logged in to this session.")
