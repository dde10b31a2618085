"""Cuts streams of events short, for an in-process client, which reads every answer to its end."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE_SECONDS = 1


def leaving_streams(app: ASGIApp) -> ASGIApp:
    """The application as seen by a client that leaves a stream after its first piece, or when none comes."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_stream = has_left = False

        async def leave(body: bytes = b"") -> None:
            nonlocal has_left
            if not has_left:
                has_left = True
                await send({"type": "http.response.body", "body": body, "more_body": False})

        async def leave_when_nothing_comes() -> None:
            await asyncio.sleep(PATIENCE_SECONDS)
            await leave()

        async def send_the_first_piece(event: Message) -> None:
            nonlocal is_stream
            if event["type"] == "http.response.start":
                is_stream = _content_type(event).startswith(b"text/event-stream")
                await send(event)
                if is_stream:
                    waiting.append(asyncio.create_task(leave_when_nothing_comes()))
            elif is_stream:
                await leave(event.get("body", b""))
            else:
                await send(event)

        waiting: list[asyncio.Task[None]] = []
        try:
            await app(scope, receive, send_the_first_piece)
        finally:
            for one in waiting:
                one.cancel()

    return serve


def _content_type(start: Message) -> bytes:
    found: bytes = dict(start["headers"]).get(b"content-type", b"")
    return found
