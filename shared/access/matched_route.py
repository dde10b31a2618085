"""The innermost application: runs the route that AuthMiddleware has matched."""

from copy import copy
from dataclasses import dataclass

from fastapi.routing import APIRoute, APIRouter
from starlette.types import Receive, Scope, Send

from shared.access.decision import SCOPE_KEY, Decision
from shared.access.entries import RouteEntry


@dataclass(frozen=True, slots=True)
class RouteDecision(Decision):
    """A decision together with the route that it was taken for."""

    entry: RouteEntry
    routed: Scope
    """The route's additions to the scope: its endpoint and the path parameters."""


class MatchedRouteApp:
    """Runs the route that AuthMiddleware has matched, so that nothing is matched twice.

    Requests without a matching decision go through the router, where the second layer checks again.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._whole_router = router.middleware_stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        decision = scope.get(SCOPE_KEY)
        if not isinstance(decision, RouteDecision) or not decision.is_about(scope):
            await self._whole_router(scope, receive, send)
            return
        scope.setdefault("router", self._router)
        entry = decision.entry
        if entry.app is None or self._router.form_limits or "fastapi.telemetry" in scope:
            # The router adds something of its own, a trace for example. Give it this route only.
            narrow = copy(self._router)
            narrow.routes = [entry.source]
            await narrow.app(scope, receive, send)
            return
        scope.update(decision.routed)
        if isinstance(route := entry.context.original_route, APIRoute):
            scope["route"] = route
        await entry.app(scope, receive, send)
