"""The data of `GET /api/users/me`, for an authenticator that reads it together with the login."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import InstrumentedAttribute

from modules.users.models import User


class Profile(NamedTuple):
    """An authenticator selects `profile_columns()` and puts `Profile(*values)` into `Principal.known`.

    With any other authenticator, the account is read by a query of its own.
    """

    id: UUID
    email: str
    nickname: str | None
    is_active: bool
    email_verified: bool
    created_at: datetime
    updated_at: datetime


def profile_columns() -> list[InstrumentedAttribute[Any]]:
    """The columns of a `Profile`, in its order."""
    return [getattr(User, field) for field in Profile._fields]
