"""A client that sends its body as it likes, and of which is noted how much of it was asked for."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from tests.api.asgi import Event, Header, scope_of

# Far more than an answer takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 30


@dataclass
class Conversation:
    """`parts` are the body, or its beginning; behind them nothing comes any more, until the client leaves."""

    app: FastAPI
    method: str
    path: str
    headers: Sequence[Header] = ()
    parts: Sequence[bytes] = ()
    is_whole: bool = False
    leaves_after: float | None = None
    pause: float = 0
    client: str = "127.0.0.1"

    asked_for: int = field(default=0, init=False)
    status: int = field(default=0, init=False)
    answered_with: dict[bytes, bytes] = field(default_factory=dict, init=False)
    body: bytes = field(default=b"", init=False)

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])

    async def run(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            scope = scope_of("http", self.path, *self.headers)
            await self.app(scope | {"method": self.method, "client": (self.client, 50_000)}, self._receive, self._send)

    async def _receive(self) -> Event:
        self.asked_for += 1
        if self.pause:
            await asyncio.sleep(self.pause)  # how slow this client is
        number = self.asked_for
        if number <= len(self.parts):
            is_last = number == len(self.parts) and self.is_whole
            return {"type": "http.request", "body": self.parts[number - 1], "more_body": not is_last}
        if self.leaves_after is None:
            await asyncio.Event().wait()
        await asyncio.sleep(self.leaves_after or 0)
        return {"type": "http.disconnect"}

    async def _send(self, event: Any) -> None:
        if event["type"] == "http.response.start":
            self.status, self.answered_with = event["status"], dict(event["headers"])
        self.body += event.get("body", b"")
