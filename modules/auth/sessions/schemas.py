"""The bodies for logins and sessions."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from modules.auth.examples import EXAMPLE_ID, EXAMPLE_TIME
from modules.auth.passwords.schemas import Password
from shared.http import AnyText, RequestBody, ResponseData, SafeText


class LoginRequest(RequestBody):
    """Your credentials."""

    # Any text, so that an impossible address is answered like an unknown one.
    email: Annotated[
        SafeText, Field(min_length=1, max_length=1024, description="Your address.", examples=["ada@example.com"])
    ]
    password: Annotated[Password, Field(description="Your password.")]


RefreshToken = Annotated[AnyText, Field(min_length=1, max_length=500, examples=["v1.Zk3vX0r8s2mN"])]


class RefreshRequest(RequestBody):
    """The refresh token of a session."""

    refresh_token: Annotated[RefreshToken, Field(description="The latest one of the session.")]


LogoutScope = Literal["this", "others", "all"]


class LogoutRequest(RequestBody):
    """The sessions to end; without a body it is this one."""

    scope: Annotated[
        LogoutScope,
        Field(description="This session, your others, or all of them; `this` if left out."),
    ] = "this"
    refresh_token: Annotated[
        RefreshToken | None,
        Field(description="Ends its own session, without an access token, which may have expired."),
    ] = None

    @model_validator(mode="after")
    def _refresh_token_is_for_its_own_session(self) -> Self:
        # An old one is not proof enough to end other sessions.
        if self.refresh_token is not None and self.scope != "this":
            raise ValueError("With a refresh token only its own session can be ended; leave out the scope.")
        return self


class TokenPair(ResponseData):
    """The tokens of a session. Lifetimes are in seconds."""

    access_token: str = Field(
        description="Send it with every request, as `Authorization: Bearer <token>`.",
        examples=["eyJhbGciOiJIUzI1NiJ9.e30.c2ln"],
    )
    token_type: Literal["Bearer"] = Field(default="Bearer", description="The type of token, by RFC 6750.")
    expires_in: int = Field(description="The lifetime of the access token.", examples=[900])
    refresh_token: str = Field(description="Trade it for new tokens, once.", examples=["v1.Zk3vX0r8s2mN"])
    refresh_expires_in: int = Field(description="The lifetime of the refresh token.", examples=[604_800])
    session_id: UUID = Field(description="The id of this login among your sessions.", examples=[EXAMPLE_ID])


class SessionRead(ResponseData):
    """A login on one device, as its owner may recognise it."""

    id: UUID = Field(description="The session's id.", examples=[EXAMPLE_ID])
    created_at: datetime = Field(description="When you logged in.", examples=[EXAMPLE_TIME])
    last_seen_at: datetime = Field(description="When it last got new tokens.", examples=[EXAMPLE_TIME])
    ip: str | None = Field(description="The client's address.", examples=["192.0.2.1"])
    user_agent: str | None = Field(description="The name that the browser or program sent.", examples=["Mozilla/5.0"])
    current: bool = Field(description="Whether it is the session of this request.")
