"""Talking to the application as a server does, for what no HTTP client sends or shows."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.requests import ClientDisconnect

Event = dict[str, Any]
Before = Callable[[Event], Awaitable[None]]
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def code(self) -> str | None:
        """Of the envelope; None when there is no envelope."""
        if self.headers.get(b"content-type") != b"application/json":
            return None
        body = json.loads(self.body)
        return str(body["code"]) if isinstance(body, dict) and "code" in body else None


def bearer(token: str) -> Header:
    return (b"authorization", f"Bearer {token}".encode())


async def request(app: FastAPI, method: str, target: str, *headers: Header) -> Answer:
    """Ask for exactly this target, which need not be a path that a client would send.

    HEAD is never answered but as GET is, so it comes with the body that GET has.
    """
    answer = await _request(app, method, target, *headers)
    if method != "HEAD":
        return answer
    get = await _request(app, "GET", target, *headers)
    assert (answer.status, _lasting(answer), answer.body) == (get.status, _lasting(get), b""), f"HEAD {target}"
    return replace(answer, body=get.body)


def _lasting(answer: Answer) -> dict[bytes, bytes]:
    """The headers that another answer to the same request has, too."""
    return {name: value for name, value in answer.headers.items() if name != b"x-request-id"}


async def _request(app: FastAPI, method: str, target: str, *headers: Header) -> Answer:
    start: Event = {}
    body = b""
    has_begun = asyncio.Event()
    incoming = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Event:
        if (event := next(incoming, None)) is None:
            await has_begun.wait()
        return event or {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        nonlocal start, body
        if event["type"] == "http.response.start":
            start = event
        elif dict(start["headers"]).get(b"content-type", b"").startswith(b"text/event-stream"):
            has_begun.set()  # whoever asked has seen enough: it may go on for ever
            raise OSError("the client has left")
        body += event.get("body", b"")

    try:
        await app(scope_of("http", target, *headers) | {"method": method}, receive, send)
    except* ClientDisconnect:
        pass
    return Answer(start["status"], dict(start["headers"]), body)


async def post(app: FastAPI, path: str, body: bytes, *headers: Header, before: Before) -> list[Event]:
    """POST a JSON body. `before` sees each event before it would leave for the client; all are given back."""
    sent: list[Event] = []
    scope = scope_of("http", path, (b"content-type", b"application/json"), *headers) | {"method": "POST"}

    async def receive() -> Event:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        await before(event)
        sent.append(event)

    await app(scope, receive, send)
    return sent


async def parked(
    app: FastAPI, method: str, path: str, body: bytes, *headers: Header, meanwhile: Callable[[], Awaitable[object]]
) -> Answer:
    """Send the head and the first byte of the body; the rest comes when `meanwhile` is done."""
    start: Event = {}
    answer = b""
    parts = iter([body[:1], body[1:]])

    async def receive() -> Event:
        part = next(parts)
        if part == body[1:]:
            await meanwhile()
        return {"type": "http.request", "body": part, "more_body": part == body[:1]}

    async def send(event: Any) -> None:
        nonlocal start, answer
        if event["type"] == "http.response.start":
            start = event
        answer += event.get("body", b"")

    scope = scope_of("http", path, (b"content-type", b"application/json"), *headers) | {"method": method}
    await app(scope, receive, send)
    return Answer(start["status"], dict(start["headers"]), answer)


async def open_websocket(app: FastAPI, path: str, *headers: Header) -> list[Event]:
    """Ask for a websocket and hang up; gives what the application answered."""
    sent: list[Event] = []
    incoming: Iterator[Event] = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])

    async def receive() -> Event:
        return next(incoming)

    async def send(event: Any) -> None:
        sent.append(event)

    await app(scope_of("websocket", path, *headers) | {"subprotocols": []}, receive, send)
    return sent


def scope_of(kind: str, target: str, *headers: Header) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "server": ("test", 80),
        "client": ("127.0.0.1", 50_000),
        "root_path": "",
        # As uvicorn does it: the path is decoded, once.
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"test"), *headers],
        "extensions": {},
    }
