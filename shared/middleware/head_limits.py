"""Limits the head of a request in bytes, in headers and in time, whatever the proxy in front does.

`HeadLimitMiddleware` checks complete heads, on any server. A head that never ends reaches no application:
`BoundedHttpTools` counts it where uvicorn receives it.
"""

from asyncio import BaseTransport, TimerHandle, Transport
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from typing import Any, cast

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from uuid_utils import uuid7
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shared.context import RequestInfo, current_request
from shared.errors import AppError, HeadTooLarge, RequestTimeout
from shared.http.exception_handlers import failure_response
from shared.middleware.deadline import WHEN_LEFT
from shared.middleware.refusal import refuse
from shared.middleware.request_context import EVENT_STREAM_KEY, REQUEST_ID, SECURITY_HEADERS
from shared.shutdown import Shutdown

log = structlog.get_logger("access")

MAXIMUM_HEADERS = 100
LINGER_SECONDS = 5
STATE_KEY = "head_limits"
SHUTDOWN_KEY = "shutdown"
_NEVER = Shutdown()


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Passed to the server in the state of the lifespan: each application has its own."""

    max_bytes: int = 65_536
    timeout: float = 10


class HeadLimitMiddleware:
    """Refuses a head that is too large, as soon as the server passes it on."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self.app = app
        self._limit = max_bytes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] in {"http", "websocket"} and self._is_too_large(scope):
            return refuse(HeadTooLarge(), scope, receive, send)
        return self.app(scope, receive, send)

    def _is_too_large(self, scope: Scope) -> bool:
        headers = scope["headers"]
        if len(headers) > MAXIMUM_HEADERS:
            return True
        target = len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))
        return target + sum(map(len, chain.from_iterable(headers))) > self._limit


class _Stage(Enum):
    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()
    REFUSED = auto()


class BoundedHttpTools(HttpToolsProtocol):
    """uvicorn's protocol, with limits for the head of a request in bytes and in time.

    It also closes gently: uvicorn closes at once after an answer that precedes the end of the body, and the client
    sees only a connection reset. Here the rest of the body is read and dropped, for a few seconds.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = cast("HeadLimits", self.app_state.get(STATE_KEY, HeadLimits()))
        self._shutdown = cast("Shutdown", self.app_state.get(SHUTDOWN_KEY, _NEVER))
        self._stage = _Stage.BETWEEN
        self._head_bytes = 0
        self._timer: TimerHandle | None = None
        self._outgoing = cast("Transport", _Outgoing(self))

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the type
        self._wait_for_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        # A disconnect during the body is noticed where that is read.
        if self.cycle is not None and not self.cycle.more_body:
            when_left: Callable[[], None] = self.cycle.scope.get(WHEN_LEFT, _nobody_waits)  # type: ignore[assignment]  # a key of ours
            when_left()

    def data_received(self, data: bytes) -> None:
        if self._stage is _Stage.REFUSED:
            return
        # The chunk in which a head begins is not counted: how much of it belongs to the head is unknown.
        if self._stage is _Stage.HEAD:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._stage is _Stage.HEAD or (self._stage is _Stage.BETWEEN and data.isspace()):
            self._wait_for_a_head()
            if self._head_bytes > self._limits.max_bytes and not self.transport.is_closing():
                self._refuse(HeadTooLarge())

    def on_message_begin(self) -> None:
        self._stage, self._head_bytes = _Stage.HEAD, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stage = _Stage.BODY
        self._stop_waiting()
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = self._outgoing
            if self._shutdown.has_begun:  # its answer tells the client to use another connection from now on
                self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self._stage = _Stage.BETWEEN
        super().on_message_complete()
        if self._outgoing.is_closing():
            self.transport.close()

    def shutdown(self) -> None:
        super().shutdown()
        # End a stream of events, which would never end by itself; its client reconnects, to another instance.
        if self._is_answering() and EVENT_STREAM_KEY in self.cycle.scope:
            if self.cycle.chunked_encoding:
                self.transport.write(b"0\r\n\r\n")
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        # The parser refuses an address of more than 64 KiB.
        if self._stage is not _Stage.BETWEEN and len(self.url) > self._limits.max_bytes:
            self._refuse(HeadTooLarge())
        else:
            super().send_400_response(msg)

    def close_gently(self) -> None:
        """Close our side of the connection, and all of it once the client has stopped sending."""
        if self._stage not in {_Stage.BODY, _Stage.REFUSED}:
            self.transport.close()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._stop_waiting()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _unset_keepalive_if_required(self) -> None:
        # A body that is no longer read must not keep the connection open by trickling in.
        if self._stage is not _Stage.BODY or self._is_answering():
            super()._unset_keepalive_if_required()

    def _wait_for_a_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._limits.timeout, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._is_answering():  # the previous request; this one's time starts again
            self._wait_for_a_head()
        elif self._stage is _Stage.HEAD:
            self._refuse(RequestTimeout())
        else:
            self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, failure: AppError) -> None:
        if self._is_answering():  # an answer cannot be sent within another one
            self.transport.close()
            return
        request = RequestInfo(str(uuid7()), self.client[0] if self.client else None)
        token = current_request.set(request)
        response = failure_response(failure)
        current_request.reset(token)
        response.headers[REQUEST_ID] = request.id
        headers = [*self.server_state.default_headers, *response.raw_headers, *SECURITY_HEADERS]
        lines = [STATUS_LINE[response.status_code], *(b"%b: %b\r\n" % header for header in headers), b"\r\n"]
        self.transport.write(b"".join([*lines, response.body]))
        self._stage = _Stage.REFUSED
        self.close_gently()
        log.info("request_refused", status=failure.status, code=failure.code, client=request.client_address)


class _Outgoing:
    """The transport that uvicorn answers through: the connection's own, except that it closes gently."""

    def __init__(self, protocol: BoundedHttpTools) -> None:
        self._protocol = protocol
        self._is_closing = False

    def write(self, data: bytes) -> None:
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        return self._is_closing or self._protocol.transport.is_closing()

    def close(self) -> None:
        self._is_closing = True
        self._protocol.close_gently()


def _nobody_waits() -> None:
    """Stands in until DeadlineMiddleware has begun with the request."""


def bound_heads() -> None:
    """Make uvicorn receive requests with `BoundedHttpTools`, whatever command started it.

    uvicorn chooses its protocol before it imports the application. A class of our own would have to be named on each
    command line, and forgetting it would remove the limits: so it replaces uvicorn's wherever that is instantiated.
    """
    HttpToolsProtocol.__new__ = _bounded  # type: ignore[method-assign, assignment]  # the reason is above


def _bounded(cls: type[HttpToolsProtocol], *_: Any, **__: Any) -> HttpToolsProtocol:
    return object.__new__(cls if issubclass(cls, BoundedHttpTools) else BoundedHttpTools)
