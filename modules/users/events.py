"""What happens to users. Others listen; this module knows none of them."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UserCreated:
    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserDeactivated:
    user_id: UUID


@dataclass(frozen=True, slots=True)
class UserActivated:
    user_id: UUID
