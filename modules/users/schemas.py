from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from modules.users.emails import Email
from modules.users.locales import DEFAULT, Locale
from shared.text import RequestBody, ResponseData, SafeText

# Stripped first, then measured: constraints beside `strip_whitespace` would see the blanks.
Nickname = Annotated[SafeText, AfterValidator(str.strip), Field(min_length=1, max_length=50)]


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
