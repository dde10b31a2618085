"""The innermost layer, around the body of a request: how often, how long, and for how many seconds it may come in.

It stands behind AuthMiddleware: by then the route is known, and whoever may not call it has been sent away unread.
"""

import asyncio

from limits import RateLimitItem
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.access import SCOPE_KEY, Decision
from shared.client import client_key
from shared.errors import PayloadTooLarge, RequestTimeout
from shared.throttle import Throttle

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class BodyMiddleware:
    """Counts who sends something without a token, before it is read; bounds every body in length and in time."""

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        decision = scope.get(SCOPE_KEY)
        is_known = isinstance(decision, Decision) and decision.principal is not None
        if self._public_limit and not is_known and scope["method"] not in SAFE_METHODS:
            throttle: Throttle = scope["app"].state.runtime.shared.throttle()
            await throttle.reserve(self._public_limit, "public", client_key())
        # The place for a limit that a route states itself.
        limit = self._max_bytes if is_known else self._max_public_bytes
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            raise PayloadTooLarge
        body = _Body(receive, send, limit, self._timeout)
        await self.app(scope, body.receive, body.send)


class _Body:
    """The body of one request, as it comes in.

    What is raised here is an HTTPException: FastAPI turns any other exception raised while it reads a body into a 400.
    """

    __slots__ = ("_deadline", "_is_answered", "_is_complete", "_limit", "_receive", "_received", "_send")

    def __init__(self, receive: Receive, send: Send, limit: int, timeout: float) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._deadline = asyncio.get_running_loop().time() + timeout
        self._received = 0
        self._is_complete = False
        self._is_answered = False

    async def receive(self) -> Message:
        message = await self._receive_in_time()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            raise HTTPException(PayloadTooLarge.status)
        self._is_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self._is_answered = True
        await self._send(message)

    async def _receive_in_time(self) -> Message:
        # Behind the body only the end of the connection is waited for, and an answer may take as long as it likes.
        if not self._is_complete and not self._is_answered:
            try:
                async with asyncio.timeout_at(self._deadline):
                    return await self._receive()
            except TimeoutError:
                if not self._is_answered:
                    raise HTTPException(RequestTimeout.status) from None
        return await self._receive()
