"""The decision about a request, and the second layer, which checks that its endpoint is the one that runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.requests import HTTPConnection
from starlette.types import Scope

from shared.context import Principal
from shared.errors import PermissionDenied

if TYPE_CHECKING:
    from shared.access.entries import RouteEntry

SCOPE_KEY = "access"


@dataclass(frozen=True, slots=True)
class Decision:
    """What AuthMiddleware decided about a request: which route may run, and for whom."""

    entry: "RouteEntry"
    routed: Scope
    """What the route adds to the scope: its endpoint and the parameters of the path."""
    principal: Principal | None
    request_key: tuple[Any, ...]

    @property
    def endpoint(self) -> Any:
        return self.entry.endpoint

    def is_about(self, scope: Scope) -> bool:
        """Whether this is still the request as it was judged: a middleware further in may have led it elsewhere."""
        return self.request_key == request_key_of(scope)


def request_key_of(scope: Scope) -> tuple[Any, ...]:
    """What a request asks, and which application: all that decides about the route."""
    return scope["app"], scope["type"], scope.get("method"), scope["path"], scope.get("root_path")


async def require_decision(connection: HTTPConnection) -> Decision:
    """The second layer: the endpoint that runs must be the one that AuthMiddleware let through."""
    decision = connection.scope.get(SCOPE_KEY)
    if not isinstance(decision, Decision) or decision.endpoint is not connection.scope.get("endpoint"):
        raise PermissionDenied
    return decision
