from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from modules.users.emails import Email
from modules.users.models import NICKNAME_KEY_LENGTH
from shared.http import LEFT_OUT, Name, PatchBody, RequestBody, ResponseData
from shared.locales import DEFAULT, Locale
from shared.paging import fits_key

Nickname = Annotated[Name, Field(max_length=50, examples=["Ada"]), fits_key(NICKNAME_KEY_LENGTH)]


class UserCreate(RequestBody):
    """An account for somebody else, who chooses the password."""

    email: Annotated[Email, Field(description="The address to which the invitation is sent.")]
    nickname: Annotated[Nickname | None, Field(description="The name of the user.")] = None
    locale: Annotated[Locale, Field(description=f"The language of mails; by default `{DEFAULT}`.")] = DEFAULT


class UserUpdate(PatchBody):
    """Fields that are left out stay unchanged."""

    nickname: Annotated[Nickname | None, Field(description="The name of the user; `null` removes it.")] = LEFT_OUT
    locale: Annotated[Locale, Field(description="The language of mails to the user.")] = LEFT_OUT


class UserCorrection(UserUpdate):
    """An administrator's changes to another user; fields that are left out stay unchanged."""

    email: Annotated[
        Email,
        Field(description="Replaces a mistyped address; it has to be confirmed again."),
    ] = LEFT_OUT


class UserRead(ResponseData):
    """A user, as its owner sees it."""

    id: UUID = Field(description="The id, which never changes.", examples=["0199d3b2-6f00-7c3a-9d4e-0b1f6c2a8e57"])
    email: str = Field(description="The address as its owner writes it.", examples=["ada@example.com"])
    nickname: str | None = Field(description="The name that the user has chosen, if any.", examples=["Ada"])
    is_active: bool = Field(description="Whether the user may log in.")
    email_verified: bool = Field(description="Whether somebody opened the link that was mailed to the address.")
    created_at: datetime = Field(description="When the account was made.", examples=["2026-01-02T03:04:05Z"])
    updated_at: datetime = Field(description="When the user was last changed.", examples=["2026-01-02T03:04:05Z"])


class UserDetail(UserRead):
    """A user, as seen by those who may see every user."""

    # Any text in the row: a language that is removed later must not make the list fail.
    locale: str = Field(description="The language of the mails to this user.", examples=["en"])
    is_invited: bool = Field(description="Whether the user has been invited, and has not chosen a password yet.")
