from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from modules.auth.services.policy import MAXIMUM_CHARACTERS
from modules.users import Email, Nickname
from shared.http import LEFT_OUT, AnyText, PatchBody, RequestBody, ResponseData, SafeText, bounded_by_settings
from shared.locales import Locale

EXAMPLE_ID = "0199d3b2-6f00-7c3a-9d4e-0b1f6c2a8e57"
EXAMPLE_PASSWORD = "seven purple tractors sing"  # noqa: S105 - in the documentation
EXAMPLE_TIME = "2026-01-02T03:04:05Z"

# To prove who one is. This bound keeps absurd bodies away from the hash.
Password = Annotated[AnyText, Field(min_length=1, max_length=1024, examples=[EXAMPLE_PASSWORD])]
# To be chosen. The policy proper is in services/policy.py; what a document can say of it stands here.
NewPassword = Annotated[
    Password,
    Field(
        json_schema_extra={
            **bounded_by_settings(minLength="AUTH_PASSWORD_MIN_LENGTH"),
            "maxLength": MAXIMUM_CHARACTERS,
            "description": "Long rather than complicated: none of the common ones, no address, no name.",
        }
    ),
]


class RegisterRequest(RequestBody):
    """A new account."""

    email: Annotated[Email, Field(description="To log in with; a link is mailed to it.")]
    password: NewPassword
    nickname: Annotated[Nickname | None, Field(description="How you want to be called.")] = None
    locale: Annotated[
        Locale | None, Field(description="Of the mails to you; taken from Accept-Language if left out.")
    ] = None


class LoginRequest(RequestBody):
    """What proves who you are."""

    # Not an Email: at login an impossible address is an unknown one, and answers like any other.
    email: Annotated[
        SafeText, Field(min_length=1, max_length=1024, description="Of the account.", examples=["ada@example.com"])
    ]
    password: Annotated[Password, Field(description="Of the account.")]


RefreshToken = Annotated[AnyText, Field(min_length=1, max_length=500, examples=["v1.Zk3vX0r8s2mN"])]


class RefreshRequest(RequestBody):
    """What proves that a session is yours."""

    refresh_token: Annotated[RefreshToken, Field(description="The one you got last.")]


class LogoutRequest(RequestBody):
    """Which sessions to end; without a body it is this one."""

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
    """The tokens of a session. Lifetimes are in seconds."""

    access_token: str = Field(
        description="Goes with every request, as `Authorization: Bearer <token>`.",
        examples=["eyJhbGciOiJIUzI1NiJ9.e30.c2ln"],
    )
    token_type: Literal["Bearer"] = Field(default="Bearer", description="RFC 6750's name for it.")
    expires_in: int = Field(description="How long the access token lives.", examples=[900])
    refresh_token: str = Field(description="Gets new tokens, once.", examples=["v1.Zk3vX0r8s2mN"])
    refresh_expires_in: int = Field(description="How long the refresh token lives.", examples=[604_800])
    session_id: UUID = Field(description="Names this login among your sessions.", examples=[EXAMPLE_ID])


class SessionRead(ResponseData):
    """A login on one device, as its owner may recognise it."""

    id: UUID = Field(description="Names the session.", examples=[EXAMPLE_ID])
    created_at: datetime = Field(description="When you logged in.", examples=[EXAMPLE_TIME])
    last_seen_at: datetime = Field(description="When it got new tokens last.", examples=[EXAMPLE_TIME])
    ip: str | None = Field(description="From where.", examples=["192.0.2.1"])
    user_agent: str | None = Field(description="What the browser or program said it is.", examples=["Mozilla/5.0"])
    current: bool = Field(description="Whether it is the session that asks.")


class PasswordChange(RequestBody):
    """The old password and the new one."""

    current_password: Annotated[Password, Field(description="The one you have.")]
    new_password: NewPassword


class PasswordForgot(RequestBody):
    """Whose password is to be chosen anew."""

    email: Annotated[Email, Field(description="Of the account; the link is mailed to it.")]


LinkToken = Annotated[
    AnyText,
    Field(
        min_length=1,
        max_length=200,
        description="What stands after `#token=` in the link.",
        examples=["3q2-7wAbCdEfGhIjKlMnOpQrStUvWxYz"],
    ),
]


class PasswordReset(RequestBody):
    """A link, used to choose a password."""

    token: LinkToken
    new_password: NewPassword


class EmailVerify(RequestBody):
    """A link, used to confirm an address."""

    token: LinkToken


class EmailChange(RequestBody):
    """Another address, and what proves that it is you who wants it."""

    new_email: Annotated[Email, Field(description="Where the link to confirm it is mailed.")]
    current_password: Annotated[Password, Field(description="The one you have.")]


RoleName = Annotated[
    str,
    # A `-` that means itself is escaped: browsers compile patterns so that they want it.
    Field(
        pattern=r"^[a-z][a-z0-9_\-]*$",
        max_length=50,
        description="The name of a role: lower case, a letter first.",
        examples=["editor"],
    ),
]
RoleDescription = Annotated[SafeText, Field(max_length=255, description="What it is for.", examples=["Edits texts."])]
PermissionNames = Annotated[
    list[Annotated[SafeText, Field(max_length=150)]],
    Field(max_length=1000, description="What its holders may do.", examples=[["users:user.read"]]),
]


class PermissionRead(ResponseData):
    """Something that a role may hold."""

    name: str = Field(description="Of the form `module:resource.action`.", examples=["users:user.read"])
    description: str = Field(description="What its holders may do.", examples=["See every user."])
    module: str = Field(description="Which module declares it.", examples=["users"])
    by_default: bool = Field(description="Whether every account holds it, through the built-in role `user`.")


class RoleCreate(RequestBody):
    """A role of your own making."""

    name: RoleName
    description: RoleDescription = ""
    permissions: PermissionNames = Field(default_factory=list)


class RoleUpdate(PatchBody):
    """What is left out stays as it is."""

    description: RoleDescription = LEFT_OUT
    permissions: PermissionNames = LEFT_OUT


class RoleRead(ResponseData):
    """A role. What the built-in ones hold follows from what the modules declare."""

    name: str = Field(description="Names the role.", examples=["editor"])
    description: str = Field(description="What it is for.", examples=["Edits texts."])
    is_builtin: bool = Field(description="Whether it can be neither changed nor deleted.")
    permissions: list[str] = Field(description="What its holders may do.", examples=[["users:user.read"]])


class UserRoles(RequestBody):
    """The roles that a user shall have."""

    roles: Annotated[
        list[RoleName], Field(max_length=100, description="All of them, by their names.", examples=[["editor", "user"]])
    ]


class UserRolesRead(ResponseData):
    """The roles that a user has."""

    roles: list[str] = Field(description="Their names.", examples=[["editor", "user"]])


class AuditEventRead(ResponseData):
    """Something that happened. It outlives the accounts that it names."""

    id: UUID = Field(description="Names the event.", examples=[EXAMPLE_ID])
    at: datetime = Field(description="When it happened.", examples=[EXAMPLE_TIME])
    event: str = Field(description="What happened.", examples=["login_succeeded"])
    user_id: UUID | None = Field(description="Whom it is about.", examples=[EXAMPLE_ID])
    actor_id: UUID | None = Field(description="Who did it.", examples=[EXAMPLE_ID])
    session_id: UUID | None = Field(description="In which session.", examples=[EXAMPLE_ID])
    ip: str | None = Field(description="From where.", examples=["192.0.2.1"])
    request_id: str = Field(description="Of the request, as in the log.", examples=[EXAMPLE_ID])
    details: dict[str, Any] = Field(description="More, depending on the event.", examples=[{"role": "editor"}])


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
    locale: str = Field(description="The language of the mails to you.", examples=["en"])
    authenticated_at: datetime = Field(description="When you logged in to this session.")
