"""Requests to an application in this process, without a server around it."""

from typing import Any

from fastapi import FastAPI

from benchmarks.load import Answer


def scope(path: str, *, token: str | None = None) -> dict[str, Any]:
    path, _, query = path.partition("?")
    authorization = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *authorization],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }


async def ask(app: FastAPI, path: str, *, token: str | None = None) -> Answer:
    status, body = 0, b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    await app(scope(path, token=token), receive, send)
    return Answer(status, body)
