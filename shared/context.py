"""The request that is being worked on: for the log, for limits and for audit trails, wherever in the code one is."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import Headers

from shared.locales import Locale
from shared.translations import Texts

T = TypeVar("T")


@dataclass(slots=True)
class Principal:
    """The caller, as the authenticator found it in the database for this very request.

    A writing transaction looks again and updates it, so that whoever holds it sees what is true now.

    With `denied`, an `AppError`, every route that requires a permission answers that, whatever `permissions` holds.
    """

    user_id: UUID
    session_id: UUID
    permissions: frozenset[str]
    authenticated_at: datetime
    denied: Exception | None = None
    known: tuple[object, ...] = ()
    """What the authenticator has read about the caller besides, for the modules that define the types: see `find`."""
    expires_at: int | None = None
    """When the caller's token expires, in seconds since 1970; None if it does not."""

    def can(self, permission: str) -> bool:
        return permission in self.permissions

    def find(self, kind: type[T]) -> T | None:
        """What the authenticator has read of this type; None if it has not, and whoever needs it reads it."""
        for one in self.known:
            if isinstance(one, kind):
                return one
        return None

    def update(self, current: "Principal") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(current, one.name))


UNKNOWN_CLIENT = "unknown"


@dataclass(slots=True)
class RequestInfo:
    """Outside a request, in a command for example, everything is empty.

    `client_address` is the client's own only behind the proxies of `TRUSTED_PROXIES`, in its one spelling, and None if
    it cannot be read; limits do not count by it, but by `shared.http.client_key()`. `user_agent` is whatever the
    client says, of any length.
    """

    id: str = ""
    client_address: str | None = None
    user_agent: str | None = None
    principal: Principal | None = None
    confirm: Callable[[AsyncSession], Awaitable[None]] | None = None
    """See `confirm_caller`; None when nobody is logged in, and once the answer has begun."""
    client_key: str = UNKNOWN_CLIENT
    headers: Headers | None = None
    texts: Texts | None = None
    language: Locale | None = None
    """In which the answer speaks; None as long as it has said nothing in words. See `shared.translations`."""
    is_counted: bool = False
    """Within a `throttle.attempt`: it goes on to its verdict, see `shared.middleware.deadline`."""
    is_committing: bool = False
    """A COMMIT is on its way, and nothing may come between it and what is told of it."""


current_request: ContextVar[RequestInfo] = ContextVar("current_request", default=RequestInfo())  # noqa: B039 - what is set is always a new one


async def confirm_caller(session: AsyncSession) -> None:
    """Check within a transaction that the caller is still logged in and may still call the route.

    The first decision is taken when the head of a request arrives. Until the transaction begins a body may have been on
    its way, and other writers may have been first. Outside a request there is nobody to check.

    Raises:
        NotAuthenticated: The session has ended, the account is not active any more, or the token has expired.
        PermissionDenied: The caller has lost a permission that the route requires.
    """
    if (confirm := current_request.get().confirm) is not None:
        await confirm(session)
