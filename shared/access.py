"""Who may call a route: the markers that say so, the decision that is taken by them, and the caller."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Protocol, TypeVar, runtime_checkable

from fastapi import Depends, params
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Scope

from shared.errors import NotAuthenticated, PermissionDenied
from shared.request import Principal

if TYPE_CHECKING:
    from shared.access_rules import Rule

SCOPE_KEY = "access"
ATTRIBUTE = "__access__"

F = TypeVar("F")


class Authenticator(Protocol):
    """What the auth module provides, as `authenticator` in its container.

    Its class may name the failures that a `Principal.denied` of its making can be, `denials = (...)`: the OpenAPI
    document has them at every route that requires a permission.
    """

    async def authenticate(self, token: str) -> Principal | None:
        """The caller to whom this bearer token belongs; None if the token is no good, for whatever reason."""


@runtime_checkable
class ConfirmingAuthenticator(Authenticator, Protocol):
    """An authenticator that can look again. With any other, the first decision holds for the whole request."""

    async def confirm(self, principal: Principal, session: AsyncSession) -> Principal | None:
        """The same caller as the transaction of `session` sees it; None if the login is over."""


class DenyEveryone:
    """Stands in when no module provides an authenticator: nothing but public routes opens."""

    async def authenticate(self, token: str) -> Principal | None:  # noqa: ARG002 - the protocol's signature
        return None


@dataclass(frozen=True, slots=True)
class Decision:
    """What AuthMiddleware decided about a request: which route may run, and for whom."""

    rule: "Rule"
    routed: Scope
    """What the route adds to the scope: its endpoint and the parameters of the path."""
    principal: Principal | None
    asked: tuple[Any, ...]

    @property
    def endpoint(self) -> Any:
        return self.rule.endpoint

    def is_about(self, scope: Scope) -> bool:
        """Whether this is still the request as it was judged: a middleware further in may have led it elsewhere."""
        return self.asked == asked(scope)


def asked(scope: Scope) -> tuple[Any, ...]:
    """What a request asks, and which application: all that decides about the route."""
    return scope["app"], scope["type"], scope.get("method"), scope["path"], scope.get("root_path")


async def require_decision(connection: HTTPConnection) -> Decision:
    """The second layer: the endpoint that runs must be the one that AuthMiddleware let through."""
    decision = connection.scope.get(SCOPE_KEY)
    if not isinstance(decision, Decision) or decision.endpoint is not connection.scope.get("endpoint"):
        raise PermissionDenied
    return decision


class Marker(params.Depends):
    """States who may call a route: in the `dependencies` of the route, of its router or of `include_router`.

    Every `Requires` around a route holds, and nothing nearer to the route may weaken it. Of the other markers the
    nearest one counts: a router's `Authenticated()` is the default of its routes. It reads
    `dependencies=[Requires("users:user.read")]`. What takes no dependencies, a mounted application for example, is
    marked by a call: `Public("...").mark(app)`.
    """

    said: tuple[str, ...]

    def __init__(self, *said: str) -> None:
        super().__init__(require_decision)
        object.__setattr__(self, "said", said)  # the base is a frozen dataclass

    # The base compares what is called, which is the same for all markers.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.said))})"

    def __call__(self, endpoint: Any = None) -> NoReturn:  # noqa: ARG002 - what a decorator gets
        """Refuse `@Requires(...)`, and what `Depends(Requires(...))` would call."""
        raise TypeError(f"write dependencies=[{self!r}], or @{self!r}.mark above the endpoint")

    def mark(self, endpoint: F) -> F:
        setattr(endpoint, ATTRIBUTE, (*getattr(endpoint, ATTRIBUTE, ()), self))
        return endpoint


class Public(Marker):
    """Anybody, without a token. The reason is for the reader, and for the list of public routes."""

    reason: str

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        object.__setattr__(self, "reason", reason)


class Authenticated(Marker):
    """Anybody who is logged in. What states nothing is treated like this, and does not start in production."""

    def __init__(self) -> None:
        super().__init__()


class Requires(Marker):
    """A caller who holds this permission, and those of all other `Requires` around the route."""

    permission: str

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        object.__setattr__(self, "permission", permission)


async def _caller(connection: HTTPConnection) -> Principal:
    # Called, not depended upon: to FastAPI each dependency is worth as much time as the rest of the second layer.
    decision = await require_decision(connection)
    if decision.principal is None:
        raise NotAuthenticated
    return decision.principal


Caller = Annotated[Principal, Depends(_caller)]
"""The logged-in caller, for a route that needs to know who it is."""


class AuthenticatedOr(Marker):
    """Anybody who is logged in, or who proves in another way that the route itself checks: with a token in the body.

    Without a good access token the route runs all the same, with None as its `CallerIfAny`. `proof` says for the reader
    what it checks then.
    """

    proof: str

    def __init__(self, proof: str) -> None:
        super().__init__(proof)
        object.__setattr__(self, "proof", proof)


async def _caller_if_any(connection: HTTPConnection) -> Principal | None:
    return (await require_decision(connection)).principal


CallerIfAny = Annotated[Principal | None, Depends(_caller_if_any)]
"""The caller of an `AuthenticatedOr` route; None without a good access token."""
