"""The request that is being worked on: for the log, for limits and for audit trails, wherever in the code one is."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as the authenticator found it in the database for this very request.

    With `must_change_password` the permissions count for nothing until the password is a new one. `profile` has the
    user's own data as attributes, those that `GET /api/users/me` shows: what is known is not asked for again.
    """

    user_id: UUID
    session_id: UUID
    permissions: frozenset[str]
    authenticated_at: datetime
    must_change_password: bool = False
    profile: Any = None

    def can(self, permission: str) -> bool:
        return permission in self.permissions


@dataclass(slots=True)
class RequestInfo:
    """Outside a request, in a command for example, everything is empty.

    `client_address` is the client's own only behind the proxies of `TRUSTED_PROXIES`; `user_agent` is whatever the
    client says, of any length.
    """

    id: str = ""
    client_address: str | None = None
    user_agent: str | None = None
    principal: Principal | None = None


current_request: ContextVar[RequestInfo] = ContextVar("current_request", default=RequestInfo())  # noqa: B039 - what is set is always a new one
