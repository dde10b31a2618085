"""The request's id, the security headers and the access log."""

import asyncio
import re
import time
from collections.abc import Iterable

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger
from uuid_utils import uuid7

from shared.application import part_of
from shared.context import RequestInfo, current_request
from shared.errors import Unavailable
from shared.http.client import LONGEST_ADDRESS, read_client
from shared.middleware.refusal import refuse
from shared.shutdown import Shutdown
from shared.translations import Texts

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
        # The first of several counts. Raw headers: Starlette searches the whole list for each that is read.
        sent = dict(reversed(scope["headers"]))
        agent = sent.get(b"user-agent")
        host, port = scope.get("client") or (None, 0)
        client, key = read_client("" if host is None or len(host) > LONGEST_ADDRESS else host, self._ipv6_prefix)
        # The normalised address for readers of the request, too.
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
                    request.confirm = None  # work after the answer is not the caller's any more
                message["headers"] = self._complete(message.get("headers", ()), request, scope)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            if not part_of(scope["app"], Shutdown).has_begun:
                raise
            # The service is shutting down, and has no time left for this request.
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
        """The headers, raw as in ASGI: Starlette searches the whole list for each that is set."""
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
            scope[EVENT_STREAM_KEY] = True  # for the server, which ends it on shutdown
        return headers


def _request_id(sent: bytes | None) -> str:
    return sent.decode() if sent and WELL_FORMED_REQUEST_ID.fullmatch(sent) else str(uuid7())
