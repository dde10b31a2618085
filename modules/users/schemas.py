from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from modules.users.emails import Email
from modules.users.locales import DEFAULT, Locale
from shared.text import Name, RequestBody, ResponseData

Nickname = Annotated[Name, Field(max_length=50)]


class UserCreate(RequestBody):
    email: Email
    nickname: Nickname | None = None
    locale: Locale = DEFAULT


class UserUpdate(RequestBody):
    """What is left out stays as it is; `null` takes the nickname away."""

    nickname: Nickname | None = None
    locale: Locale = DEFAULT


class UserRead(ResponseData):
    id: UUID
    email: str
    nickname: str | None
    is_active: bool
    email_verified: bool
    created_at: datetime
    updated_at: datetime
