"""The markers that say who may call a route, and the caller as a parameter."""

from typing import Annotated, Any, NoReturn, TypeVar

from fastapi import Depends, params
from fastapi.requests import HTTPConnection

from shared.access.decision import require_decision
from shared.context import Principal
from shared.errors import NotAuthenticated

ATTRIBUTE = "__access__"

F = TypeVar("F")


class Marker(params.Depends):
    """States who may call a route: in the `dependencies` of the route, of its router or of `include_router`.

    Every `Requires` around a route holds, and nothing nearer to the route may weaken it. Of the other markers the
    nearest one counts: a router's `Authenticated()` is the default of its routes. Example:
    `dependencies=[Requires("users:user.read")]`. A mounted application, which takes no dependencies, is marked by a
    call: `Public("...").mark(app)`.
    """

    said: tuple[str, ...]

    def __init__(self, *said: str) -> None:
        super().__init__(require_decision)
        object.__setattr__(self, "said", said)  # the base is a frozen dataclass

    # The base class compares the dependency's function, which is the same for all markers.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.said))})"

    def __call__(self, endpoint: Any = None) -> NoReturn:  # noqa: ARG002 - what a decorator gets
        """Refuse `@Requires(...)` and `Depends(Requires(...))`."""
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
    """Anybody who is logged in. Unmarked routes are treated like this; in production they stop the start."""

    def __init__(self) -> None:
        super().__init__()


class Requires(Marker):
    """A caller who holds this permission, and those of all other `Requires` around the route."""

    permission: str

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        object.__setattr__(self, "permission", permission)


async def _caller(connection: HTTPConnection) -> Principal:
    # A plain call: a FastAPI dependency takes as much time as the rest of the second layer.
    decision = await require_decision(connection)
    if decision.principal is None:
        raise NotAuthenticated
    return decision.principal


Caller = Annotated[Principal, Depends(_caller)]
"""The logged-in caller, for a route that needs to know who it is."""


class AuthenticatedOr(Marker):
    """Anybody who is logged in, or who sends another proof, such as a token in the body, which the route itself checks.

    Without a valid access token the route still runs, with None as its `CallerIfAny`. `proof` tells the reader what it
    checks then.
    """

    proof: str

    def __init__(self, proof: str) -> None:
        super().__init__(proof)
        object.__setattr__(self, "proof", proof)


async def _caller_if_any(connection: HTTPConnection) -> Principal | None:
    return (await require_decision(connection)).principal


CallerIfAny = Annotated[Principal | None, Depends(_caller_if_any)]
"""The caller of an `AuthenticatedOr` route; None without a valid access token."""
