"""The head of a request on the wire, for each way in which the service is started: how much, and for how long."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from itertools import repeat
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from tests.project import Project, free_port, serve
from tests.security.test_over_the_wire import PATIENCE_SECONDS

UVICORN = ("-m", "uvicorn", "bootstrap:app", "--port", "0")
# uvloop, and asyncio's own loop, which closes connections in another way.
COMMANDS = {"uvicorn": UVICORN, "asyncio": (*UVICORN, "--loop", "asyncio"), "bootstrap": ("bootstrap.py",)}
SECONDS = {"HEAD_TIMEOUT_SECONDS": "1", "BODY_TIMEOUT_SECONDS": "1"}

HEALTH = b"GET /api/health HTTP/1.1\r\nHost: x\r\n"
LOGIN = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BLOCK = b"a" * 65_536
LIMIT = 65_536


@dataclass(frozen=True)
class Said:
    """All that the server said until it closed the connection."""

    text: bytes

    @property
    def answers(self) -> list[tuple[int, str]]:
        """Status and code of each."""
        found = []
        for answer in self.text.split(b"HTTP/1.1 ")[1:]:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"x-request-id: " in head.lower()
            assert json.loads(body)["request_id"].encode() in head
            found.append((int(head[:3]), str(json.loads(body)["code"])))
        return found

    @property
    def has_said_that_it_closes(self) -> bool:
        return b"\r\nconnection: close\r\n" in self.text.lower()


async def say(address: str, parts: Iterable[bytes], *, pause: float = 0) -> Said:
    """Send until everything is sent or the server has had enough, and read until it closes."""
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)

    async def send() -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)  # how slow this client is

    sending = asyncio.create_task(send())
    try:
        return Said(await asyncio.wait_for(reader.read(), PATIENCE_SECONDS))
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()


@pytest.fixture(params=COMMANDS)
async def address(request: pytest.FixtureRequest, sqlite_project: Project) -> AsyncIterator[str]:
    sqlite_project.alembic("upgrade", "heads")
    project = replace(sqlite_project, variables={"APP_PORT": str(free_port()), **SECONDS})
    with serve(project, *COMMANDS[request.param]) as server:
        yield server.address
    assert "Traceback" not in "".join(server.output)


async def test_item_84_a_head_that_is_too_large_is_431(address: str) -> None:
    for name, parts in {
        "an endless header": [HEALTH + b"X: ", *repeat(BLOCK, 1000)],
        "an endless name": [HEALTH, *repeat(BLOCK, 1000)],
        "an endless path": [b"GET /", *repeat(BLOCK, 1000)],
        "endless headers": [HEALTH, *repeat(b"a: b\r\n" * 10_000, 1000)],
        "two million headers": [HEALTH, *repeat(b"a: b\r\n" * 10_000, 200), b"\r\n"],
        "an endless second head": [HEALTH + b"\r\n", HEALTH + b"X: ", *repeat(BLOCK, 1000)],
        "a handshake": [
            b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: ",
            *repeat(BLOCK, 99),
        ],
        "one that is complete": [HEALTH + b"X: " + b"a" * LIMIT + b"\r\n\r\n"],
        "one with a long path": [b"GET /?" + b"a" * LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        "one with many headers": [HEALTH + b"a: b\r\n" * 100 + b"\r\n"],
    }.items():
        said = await say(address, parts)
        expected = (431, "request_header_fields_too_large")
        assert said.answers == [(200, "ok")] * (name == "an endless second head") + [expected], name
        assert said.has_said_that_it_closes, name

    large = HEALTH + b"Connection: close\r\nX: " + b"a" * (LIMIT - 100) + b"\r\n"
    many = HEALTH + b"Connection: close\r\n" + b"a: b\r\n" * 98
    for head in (large, many):
        assert (await say(address, [head + b"\r\n"])).answers == [(200, "ok")]


async def test_item_87_what_comes_too_slowly_is_408(address: str) -> None:
    for name, parts in {
        "a head": [b"GET /api/hea"],
        "a head that trickles in": [HEALTH, *repeat(b"a: b\r\n", 1000)],
        "a second head": [HEALTH + b"\r\n", b"GET /api/hea"],
        "a body": [LOGIN + b"Content-Length: 100\r\n\r\n{"],
        "a body that trickles in": [LOGIN + b"Content-Length: 1000\r\n\r\n", *repeat(b" ", 999)],
        "a chunk": [LOGIN + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"],
    }.items():
        said = await say(address, parts, pause=0.02)
        assert said.answers[-1:] == [(408, "request_timeout")], name
        assert len(said.answers) == 1 + (name == "a second head")
        assert said.has_said_that_it_closes, name
    for silent in ([], list(repeat(b"\r\n", 1000))):
        assert (await say(address, silent, pause=0.02)).text == b""


async def test_item_84_a_body_that_is_too_large_is_413_and_ends_the_connection(address: str) -> None:
    length = b"Content-Length: 1000000\r\n\r\n"
    for parts in (
        [LOGIN + length],
        [LOGIN + length, b" " * 1_000_000, HEALTH + b"\r\n"],
        [LOGIN + b"Content-Length: 20000\r\n\r\n" + b" " * 20_000 + HEALTH + b"\r\n"],
        [LOGIN + b"Transfer-Encoding: chunked\r\n\r\n", *repeat(b"4000\r\n" + b" " * 16_384 + b"\r\n", 1000)],
    ):
        said = await say(address, parts)
        assert said.answers == [(413, "payload_too_large")]
        assert said.has_said_that_it_closes
    async with httpx.AsyncClient(base_url=address) as client:
        for _ in range(3):  # a client that sends everything before it listens
            answer = await client.post("/api/auth/login", content=b" " * 5_000_000)
            assert answer.status_code == 413


async def test_item_87_a_body_that_nobody_reads_does_not_hold_the_connection(address: str) -> None:
    closed = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"

    said = await say(address, [closed, *repeat(b" ", 10_000)], pause=0.02)

    assert said.answers == [(401, "not_authenticated")]


async def test_requests_one_after_the_other_are_answered_on_one_connection(address: str) -> None:
    body = LOGIN + b"Content-Length: 2\r\n\r\n{}"
    last = HEALTH + b"Connection: close\r\n\r\n"
    for parts in ([HEALTH + b"\r\n", body, last], [HEALTH + b"\r\n" + body + HEALTH + b"\r\n" + last]):
        said = await say(address, parts)
        assert [status for status, _ in said.answers if status != 422] == [200] * (len(said.answers) - 1)
        assert said.answers[1] == (422, "validation_error")
        assert said.answers[-1] == (200, "ok")
