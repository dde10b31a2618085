"""What happens to users. Others listen; this module knows none of them."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UserCreated:
    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserInvited:
    """Somebody else made the account; it has no password yet. Follows `UserCreated`."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserAboutToChange:
    """Somebody wants to change, deactivate, activate or delete this user, who may not exist; nothing is done yet.

    A handler that knows why the caller may not raises `UserOutOfReach`.
    """

    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserChanged:
    """The profile has other values now in these fields."""

    user_id: UUID
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserEmailCorrected:
    """Somebody else gives the user this address, which nobody has confirmed.

    Published before the row changes, for the same reason as `UserDeactivated`.
    """

    user_id: UUID
    email: str


@dataclass(frozen=True, slots=True)
class UserDeactivated:
    """Published before the row changes, so that a handler that has to refuse can lock what it needs first."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserActivated:
    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """Published before the row goes, for the same reason as `UserDeactivated`."""

    user_id: UUID
