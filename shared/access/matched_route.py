"""The innermost application: runs the route that AuthMiddleware has matched."""

from copy import copy

from fastapi.routing import APIRoute, APIRouter
from starlette.types import Receive, Scope, Send

from shared.access.decision import SCOPE_KEY, Decision


class MatchedRouteApp:
    """The innermost application: runs the very route that AuthMiddleware judged, so that nothing is matched twice.

    Whatever was not judged as it arrives here takes the way through the router, where the second layer stands.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._whole_router = router.middleware_stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        decision = scope.get(SCOPE_KEY)
        if not isinstance(decision, Decision) or not decision.is_about(scope):
            await self._whole_router(scope, receive, send)
            return
        scope.setdefault("router", self._router)
        entry = decision.entry
        if entry.app is None or self._router.form_limits or "fastapi.telemetry" in scope:
            # The router adds something of its own, to a trace for example: it sees nothing but where this route stands.
            narrow = copy(self._router)
            narrow.routes = [entry.source]
            await narrow.app(scope, receive, send)
            return
        scope.update(decision.routed)
        if isinstance(route := entry.context.original_route, APIRoute):
            scope["route"] = route
        await entry.app(scope, receive, send)
