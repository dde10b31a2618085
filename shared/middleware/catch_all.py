"""Answers uncaught exceptions."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.middleware.refusal import refuse


class CatchAllMiddleware:
    """Answers uncaught exceptions. It runs inside CORS and the request id, which a 500 needs like any answer."""

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
