"""The layers around every request, outermost first. All are plain ASGI and cover websockets too where it matters."""

import asyncio
import re
import time
from collections.abc import Iterable
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import Headers
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from structlog.typing import FilteringBoundLogger
from uuid_utils import uuid7

from shared.access import SCOPE_KEY, ConfirmingAuthenticator, Decision, asked
from shared.access_rules import Rule
from shared.access_table import AccessTable, RouteMatch
from shared.application import part_of
from shared.bearer import find_caller
from shared.client import LONGEST_ADDRESS, read_client
from shared.container import Runtime
from shared.errors import (
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    Unavailable,
    failure_response,
)
from shared.request import Principal, RequestInfo, current_request
from shared.shutdown import Shutdown
from shared.texts import Texts

log = structlog.get_logger("access")

REQUEST_ID = "X-Request-ID"
RAW_REQUEST_ID = REQUEST_ID.lower().encode()
WELL_FORMED_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

SWITCHING_PROTOCOLS = 101

EVENT_STREAM_KEY = "is_event_stream"

RawHeaders = list[tuple[bytes, bytes]]

SECURITY_HEADERS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
API_CONTENT_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class RequestContextMiddleware:
    """Gives every request an id, sets the security headers, and writes one access log line."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        is_production: bool,
        log: FilteringBoundLogger,
        client_ipv6_prefix: int = 64,
        texts: Texts | None = None,
    ) -> None:
        self.app = app
        self._log = log
        self._ipv6_prefix = client_ipv6_prefix
        self._texts = texts
        self._headers = [*SECURITY_HEADERS, HSTS] if is_production else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        # Of several the first one counts. Raw: Starlette's way to read a header goes through them all for each.
        sent = dict(reversed(scope["headers"]))
        agent = sent.get(b"user-agent")
        host, port = scope.get("client") or (None, 0)
        client, key = read_client("" if host is None or len(host) > LONGEST_ADDRESS else host, self._ipv6_prefix)
        # For whoever asks the request itself: one spelling there, too.
        scope["client"] = client and (client, port)
        request = RequestInfo(
            _request_id(sent.get(RAW_REQUEST_ID)),
            client,
            None if agent is None else agent.decode("latin-1"),
            client_key=key,
            headers=Headers(scope=scope),
            texts=self._texts,
        )
        token = current_request.set(request)
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] in {"http.response.start", "websocket.http.response.start", "websocket.accept"}:
                status = message.get("status", 101)
                if status != SWITCHING_PROTOCOLS:
                    request.confirm = None  # what is done after the answer is not the caller's any more
                message["headers"] = self._complete(message.get("headers", ()), request, scope)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            if not part_of(scope["app"], Shutdown).has_begun:
                raise
            # The service ends, and there is no time left for this one.
            if scope["type"] == "http" and not status:
                await refuse(Unavailable(), scope, receive, send_with_headers)
        finally:
            self._log.info(
                "request",
                method=scope.get("method", "WEBSOCKET"),
                path=scope["path"],
                status=status,
                duration_ms=round((time.perf_counter() - started) * 1000, 1),
                client=client,
                user_id=str(request.principal.user_id) if request.principal else None,
            )
            current_request.reset(token)

    def _complete(self, sent: Iterable[tuple[bytes, bytes]], request: RequestInfo, scope: Scope) -> RawHeaders:
        """Raw, as ASGI has them: Starlette's way to set a header searches them all for each."""
        headers = [header for header in sent if header[0] != RAW_REQUEST_ID]
        names = {name for name, _ in headers}
        headers.append((RAW_REQUEST_ID, request.id.encode()))
        if request.language is not None:
            headers += [(b"content-language", request.language.encode()), (b"vary", b"Accept-Language")]
        headers += [header for header in self._headers if header[0] not in names]
        content_type = dict(headers).get(b"content-type", b"")
        if API_CONTENT_POLICY[0] not in names and not content_type.startswith(b"text/html"):
            headers.append(API_CONTENT_POLICY)
        if content_type.startswith(b"text/event-stream"):
            scope[EVENT_STREAM_KEY] = True  # for the server, which has to end it
        return headers


def _request_id(sent: bytes | None) -> str:
    return sent.decode() if sent and WELL_FORMED_REQUEST_ID.fullmatch(sent) else str(uuid7())


class CatchAllMiddleware:
    """Answers what nobody caught. It sits inside CORS and the request id, which a 500 needs as much as any answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def send_noting_the_start(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting_the_start)
        except Exception as error:
            if has_started or scope["type"] == "lifespan":
                raise
            await refuse(error, scope, receive, send)


class AuthMiddleware:
    """Default deny: only what is marked Public passes without a token that the authenticator accepts.

    The decision is taken on the route that will answer, for its method, websockets and mounts included.
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
            # GET answers, by GET's rule. The access log keeps its HEAD: this scope is another one.
            scope = {**scope, "method": "GET"}
            match = table.match(scope)
        request = current_request.get()
        principal = request.principal = await find_caller(scope, match)
        rule = _allowed(match, principal, scope)
        if principal is not None:
            request.confirm = partial(_confirm, scope, rule, principal)
        scope[SCOPE_KEY] = Decision(rule, match.routed, principal, asked(scope))
        await self.app(scope, receive, send)


def _allowed(match: RouteMatch, principal: Principal | None, scope: Scope) -> Rule:
    if match.rule is None:
        raise NotFound
    if match.allowed:
        allowed = match.allowed | ({"HEAD"} if "GET" in match.allowed else set())
        raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(allowed))})
    _require(match.rule, principal, scope)
    return match.rule


async def _confirm(scope: Scope, rule: Rule, principal: Principal, session: AsyncSession) -> None:
    authenticator = part_of(scope["app"], Runtime).authenticator
    if not isinstance(authenticator, ConfirmingAuthenticator):
        return
    current = await authenticator.confirm(principal, session)
    if current is None:
        raise NotAuthenticated(token_was_sent=True)
    principal.update(current)
    _require(rule, principal, scope)


def _require(rule: Rule, principal: Principal | None, scope: Scope) -> None:
    if not rule.permissions:
        return
    if principal is not None and principal.denied is not None:
        raise principal.denied
    if lacking := rule.permissions - (principal.permissions if principal else frozenset()):
        log.warning(
            "permission_denied",
            user_id=str(principal and principal.user_id),
            permission=", ".join(sorted(lacking)),
            method=scope.get("method", "WEBSOCKET"),
            route=rule.path,
            path=scope["path"],
        )
        raise PermissionDenied(headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'})


async def refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the failure, as a layer must that no exception handler stands around."""
    response = failure_response(error)
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    websocket = WebSocket(scope, receive, send)
    await receive()  # the handshake; only then may it be answered
    if "websocket.http.response" in scope.get("extensions", {}):
        await websocket.send_denial_response(response)
    else:
        await send({"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION})
