"""The bodies for logins and sessions."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from modules.auth.examples import EXAMPLE_ID, EXAMPLE_TIME
from modules.auth.passwords.schemas import Password
from shared.http import AnyText, RequestBody, ResponseData, SafeText


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


LogoutScope = Literal["this", "others", "all"]


class LogoutRequest(RequestBody):
    """Which sessions to end; without a body it is this one."""

    scope: Annotated[
        LogoutScope,
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
