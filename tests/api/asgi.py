"""Talking to the application as a server does, for what no HTTP client sends or shows."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from fastapi import FastAPI

Event = dict[str, Any]
Before = Callable[[Event], Awaitable[None]]


def bearer(token: str) -> tuple[bytes, bytes]:
    return (b"authorization", f"Bearer {token}".encode())


async def post(app: FastAPI, path: str, body: bytes, *headers: tuple[bytes, bytes], before: Before) -> list[Event]:
    """POST a JSON body. `before` sees each event before it would leave for the client; all are given back."""
    sent: list[Event] = []
    scope = _scope("http", path, (b"content-type", b"application/json"), *headers) | {"method": "POST"}

    async def receive() -> Event:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        await before(event)
        sent.append(event)

    await app(scope, receive, send)
    return sent


async def open_websocket(app: FastAPI, path: str, *headers: tuple[bytes, bytes]) -> list[Event]:
    """Ask for a websocket and hang up; gives what the application answered."""
    sent: list[Event] = []
    incoming: Iterator[Event] = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])

    async def receive() -> Event:
        return next(incoming)

    async def send(event: Any) -> None:
        sent.append(event)

    await app(_scope("websocket", path, *headers) | {"subprotocols": []}, receive, send)
    return sent


def _scope(kind: str, path: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "server": ("test", 80),
        "client": ("127.0.0.1", 50_000),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"test"), *headers],
        "extensions": {},
    }
