"""Default deny: the middleware that decides about every request."""

from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.access.authenticator import ConfirmingAuthenticator
from shared.access.bearer import find_caller
from shared.access.decision import SCOPE_KEY, request_key_of
from shared.access.entries import RouteEntry
from shared.access.matched_route import RouteDecision
from shared.access.table import AccessTable, RouteMatch
from shared.application import part_of
from shared.container import Runtime
from shared.context import Principal, current_request
from shared.errors import MethodNotAllowed, NotAuthenticated, NotFound, PermissionDenied

log = structlog.get_logger("access")


class AuthMiddleware:
    """Default deny: without a valid token only routes marked Public or AuthenticatedOr run.

    The decision is about the route that will answer, for its method; websockets and mounts are included.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        table = part_of(scope["app"], AccessTable)
        match = table.match(scope)
        if scope.get("method") == "HEAD" and not match.is_for("HEAD"):
            # GET's route answers HEAD, under GET's rule. A copy, since the access log reads HEAD from the original.
            scope = {**scope, "method": "GET"}
            match = table.match(scope)
        request = current_request.get()
        principal = request.principal = await find_caller(scope, match)
        entry = _allowed(match, principal, scope)
        if principal is not None:
            request.confirm = partial(_confirm, scope, entry, principal)
        scope[SCOPE_KEY] = RouteDecision(
            entry.endpoint, principal, request_key_of(scope), entry=entry, routed=match.routed
        )
        await self.app(scope, receive, send)


def _allowed(match: RouteMatch, principal: Principal | None, scope: Scope) -> RouteEntry:
    if match.entry is None:
        raise NotFound
    if match.allowed:
        allowed = match.allowed | ({"HEAD"} if "GET" in match.allowed else set())
        raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(allowed))})
    _require(match.entry, principal, scope)
    return match.entry


async def _confirm(scope: Scope, entry: RouteEntry, principal: Principal, session: AsyncSession) -> None:
    authenticator = part_of(scope["app"], Runtime).authenticator
    if not isinstance(authenticator, ConfirmingAuthenticator):
        return
    current = await authenticator.confirm(principal, session)
    if current is None:
        raise NotAuthenticated(token_was_sent=True)
    principal.update(current)
    _require(entry, principal, scope)


def _require(entry: RouteEntry, principal: Principal | None, scope: Scope) -> None:
    if not entry.permissions:
        return
    if principal is not None and principal.denied is not None:
        raise principal.denied
    if lacking := entry.permissions - (principal.permissions if principal else frozenset()):
        log.warning(
            "permission_denied",
            user_id=str(principal and principal.user_id),
            permission=", ".join(sorted(lacking)),
            method=scope.get("method", "WEBSOCKET"),
            route=entry.path,
            path=scope["path"],
        )
        raise PermissionDenied(headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
