"""HEAD is answered wherever GET is: with the status and the headers of GET, and without a body (RFC 9110 9.3.2)."""

from collections.abc import Awaitable

from anyio import CancelScope
from anyio.lowlevel import checkpoint
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODIES = frozenset({"http.response.body", "http.response.pathsend"})
WITHOUT_BODY = frozenset({204, 304})


class HeadMiddleware:
    """Drops the body of an answer to HEAD, and cancels an endless one, a stream of events for example.

    AuthMiddleware chooses GET's route for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Passing a request on is cheaper in a plain function than in a coroutine; other layers do the same.
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return self.app(scope, receive, send)
        return self._answer_without_body(scope, receive, send)

    async def _answer_without_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_ended = False

        async def send_no_body(message: Message) -> None:
            nonlocal has_ended
            if has_ended:
                return
            if message["type"] not in BODIES:
                await send(message)
            if message["type"] in BODIES or _streams(message):
                has_ended = True
                await send({"type": "http.response.body"})
                if message["type"] not in BODIES or message.get("more_body", False):
                    running.cancel()
                    await checkpoint()  # cancels here: an endless sender may never wait again

        with CancelScope() as running:
            await self.app(scope, receive, send_no_body)


def _streams(message: Message) -> bool:
    """True if the body has no known length, so that its first part may take long to arrive."""
    return (
        message["type"] == "http.response.start"
        and message["status"] not in WITHOUT_BODY
        and "content-length" not in Headers(raw=list(message.get("headers", ())))
    )
