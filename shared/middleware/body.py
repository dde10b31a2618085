"""The innermost middleware: limits the length of a request's body, and the seconds that it may take to arrive.

It runs after AuthMiddleware, which has refused callers without access before their body is read.
"""

import asyncio
from collections.abc import Awaitable

from limits import RateLimitItem
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.access.decision import SCOPE_KEY, Decision
from shared.application import part_of
from shared.errors import BadRequest, PayloadTooLarge, RequestTimeout, UnsupportedMediaType, ValidationFailed
from shared.http.client import client_key
from shared.throttle.throttle import Throttle

# The failures that are answered before a route has seen the body.
UNREAD = frozenset(
    error.status for error in (BadRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, ValidationFailed)
)
ANNOUNCE_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class BodyMiddleware:
    """Limits every body in length and in time, and how often a client without a token may send unreadable ones.

    A body is counted before it is read, and the count is given back if it was readable.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        max_public_bytes: int,
        timeout: float,
        public_limit: tuple[RateLimitItem, ...],
    ) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._max_public_bytes = min(max_bytes, max_public_bytes)
        self._timeout = timeout
        self._public_limit = public_limit

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or _has_no_body(scope):
            return self.app(scope, receive, send)
        return self._bound(scope, receive, send)

    async def _bound(self, scope: Scope, receive: Receive, send: Send) -> None:
        decision = scope.get(SCOPE_KEY)
        is_known = isinstance(decision, Decision) and decision.principal is not None
        # A limit of the route itself would go here.
        limit = self._max_bytes if is_known else self._max_public_bytes
        body = _Body(receive, send, limit, self._timeout)
        if is_known or not self._public_limit or scope["method"] in SAFE_METHODS:
            await self._serve(scope, body)
            return
        throttle = part_of(scope["app"], Throttle)
        client = client_key()
        await throttle.reserve(self._public_limit, "unread", client)
        try:
            await self._serve(scope, body)
        finally:
            # After the answer, which need not wait for it. Readable bodies are counted by the route's own limits.
            if body.status not in UNREAD:
                await throttle.give_back(self._public_limit, "unread", client)

    async def _serve(self, scope: Scope, body: "_Body") -> None:
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > body.limit:
            body.status = PayloadTooLarge.status
            raise PayloadTooLarge
        await self.app(scope, body.receive, body.send)


def _has_no_body(scope: Scope) -> bool:
    """True if no body can follow (RFC 9112 6.3), so that a plain read is spared the cost of these limits."""
    if scope["method"] not in SAFE_METHODS or scope["http_version"] not in {"1.0", "1.1"}:
        return False
    return not any(name in ANNOUNCE_A_BODY for name, _ in scope["headers"])


class _Body:
    """The body of one request, while it arrives.

    It raises HTTPException, because FastAPI turns any other exception raised while it reads a body into a 400.
    """

    __slots__ = ("_deadline", "_is_complete", "_receive", "_received", "_send", "limit", "status")

    def __init__(self, receive: Receive, send: Send, limit: int, timeout: float) -> None:
        self._receive = receive
        self._send = send
        self.limit = limit
        self._deadline = asyncio.get_running_loop().time() + timeout
        self._received = 0
        self._is_complete = False
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive_in_time()
        self._received += len(message.get("body", b""))
        if self._received > self.limit:
            raise HTTPException(PayloadTooLarge.status)
        self._is_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def _receive_in_time(self) -> Message:
        # After the body only a disconnect can arrive, and an answer may take any time.
        if not self._is_complete and not self.status:
            try:
                async with asyncio.timeout_at(self._deadline):
                    return await self._receive()
            except TimeoutError:
                if not self.status:
                    raise HTTPException(RequestTimeout.status) from None
        return await self._receive()
