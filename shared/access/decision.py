"""The decision about a request, and the second layer, which checks that its endpoint is the one that runs."""

from dataclasses import dataclass
from typing import Any

from fastapi.requests import HTTPConnection
from starlette.types import Scope

from shared.context import Principal
from shared.errors import PermissionDenied

SCOPE_KEY = "access"


@dataclass(frozen=True, slots=True)
class Decision:
    """AuthMiddleware's decision about a request: which endpoint may run, and for whom."""

    endpoint: Any
    principal: Principal | None
    request_key: tuple[Any, ...]

    def is_about(self, scope: Scope) -> bool:
        """False if an inner middleware has rewritten the request since the decision."""
        return self.request_key == request_key_of(scope)


def request_key_of(scope: Scope) -> tuple[Any, ...]:
    """All that selects a route: the application, the kind of request, its method and its path."""
    return scope["app"], scope["type"], scope.get("method"), scope["path"], scope.get("root_path")


async def require_decision(connection: HTTPConnection) -> Decision:
    """Refuse unless the endpoint that runs is the one that AuthMiddleware let through."""
    decision = connection.scope.get(SCOPE_KEY)
    if not isinstance(decision, Decision) or decision.endpoint is not connection.scope.get("endpoint"):
        raise PermissionDenied
    return decision
