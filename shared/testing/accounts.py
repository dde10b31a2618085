"""The accounts of a test. The fixtures `user`, `admin` and `caller_with` come from the module that logs people in."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass
class Account:
    """A logged-in user."""

    id: str
    email: str
    password: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


class CallerWith(Protocol):
    """The fixture: `await caller_with("notes:note.read")`."""

    async def __call__(self, *permissions: str) -> Account: ...
