"""The events of users. This module knows none of their listeners."""

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

    A handler raises `UserOutOfReach` if the caller may not do this.
    """

    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserChanged:
    """These fields of the profile have been changed."""

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
    """Published before the row changes, so that a handler can lock what it needs first, and refuse."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserActivated:
    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """Published before the row is deleted, for the same reason as `UserDeactivated`."""

    user_id: UUID
