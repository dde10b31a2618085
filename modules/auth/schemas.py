from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from modules.users import Email, Nickname
from shared.text import AnyText, RequestBody, ResponseData, SafeText

# The policy proper is in services/policy.py. This bound keeps absurd bodies away from the hash, at login too.
Password = Annotated[AnyText, Field(min_length=1, max_length=1024, examples=["seven purple tractors sing"])]


class RegisterRequest(RequestBody):
    email: Email
    password: Password
    nickname: Nickname | None = None


class LoginRequest(RequestBody):
    # Not an Email: at login an impossible address is an unknown one, and answers like any other.
    email: Annotated[SafeText, Field(min_length=1, max_length=1024, examples=["ada@example.com"])]
    password: Password


class RefreshRequest(RequestBody):
    refresh_token: Annotated[AnyText, Field(min_length=1, max_length=500)]


class LogoutRequest(RequestBody):
    scope: Literal["this", "others", "all"] = "this"


class TokenPair(ResponseData):
    """Lifetimes are in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - RFC 6750's name, no secret
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    session_id: UUID
