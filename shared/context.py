"""The current request, for logs, limits and audit trails anywhere in the code."""

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
    """The caller, as the authenticator read it from the database for this request.

    A writing transaction reads it again and updates this object, so that it is current everywhere.

    With `denied`, an `AppError`, every route that requires a permission answers that, whatever `permissions` holds.
    """

    user_id: UUID
    session_id: UUID
    permissions: frozenset[str]
    authenticated_at: datetime
    denied: Exception | None = None
    known: tuple[object, ...] = ()
    """More about the caller that the authenticator has read, for the modules that define the types: see `find`."""
    expires_at: int | None = None
    """When the caller's token expires, in seconds since 1970; None if it does not."""

    def can(self, permission: str) -> bool:
        return permission in self.permissions

    def find(self, kind: type[T]) -> T | None:
        """The object of this type that the authenticator has read; None if it has not."""
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

    `client_address` is normalised, and None if it cannot be read; behind a proxy it is the client's own only if
    `TRUSTED_PROXIES` lists the proxy. Limits count by `shared.http.client_key()` instead. `user_agent` is what the
    client sends, of any length.
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
    """The language of the answer; None as long as it has no message. See `shared.translations`."""
    is_counted: bool = False
    """True within a `throttle.attempt`, which a disconnect does not cancel: see `shared.middleware.deadline`."""
    is_committing: bool = False
    """True during a COMMIT, which must not be cancelled: the answer reports its outcome."""


current_request: ContextVar[RequestInfo] = ContextVar("current_request", default=RequestInfo())  # noqa: B039 - what is set is always a new one


async def confirm_caller(session: AsyncSession) -> None:
    """Check within a transaction that the caller is still logged in and may still call the route.

    The first decision is made when the head of a request arrives. Before the transaction begins, its body may arrive
    slowly, and other writers may commit. Outside a request there is nobody to check.

    Raises:
        NotAuthenticated: The session has ended, the account is not active any more, or the token has expired.
        PermissionDenied: The caller has lost a permission that the route requires.
    """
    if (confirm := current_request.get().confirm) is not None:
        await confirm(session)
