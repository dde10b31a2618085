"""What clients send stands in the log as one line of text that does nothing to whoever reads it."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from tests.project import Project, serve

FAKE = '{"event": "login_succeeded", "fake": 1}'
REQUESTS = {
    "path": f"GET /api/%0d%0a{FAKE.replace(' ', '%20')}%1b%5b2J%e2%80%a8 HTTP/1.1\r\nHost: x\r\n\r\n",
    "agent": f"GET /api/health HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[2J\x85{FAKE}\r\n\r\n",
    "id": f"GET /api/health HTTP/1.1\r\nHost: x\r\nX-Request-ID: {FAKE}\r\n\r\n",
    "long id": f"GET /api/health HTTP/1.1\r\nHost: x\r\nX-Request-ID: {'a' * 10_000}\r\n\r\n",
    "host": f"GET /api/health HTTP/1.1\r\nHost: {FAKE}\r\n\r\n",
}
# Where a program, or a terminal, sees the end of a line or a command.
DANGEROUS = ["\x1b", "\r", "\x85", "\u2028", "\u2029", "\x00", "\x07", "\x08"]


async def send(address: str, request: str) -> bytes:
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(request.encode("latin-1"))
        return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("env", ["test", "development"])
async def test_item_79_nothing_that_a_client_sends_makes_a_line_of_its_own(sqlite_project: Project, env: str) -> None:
    sqlite_project.variables = {"APP_ENV": env}
    sqlite_project.alembic("upgrade", "heads")
    answered = 0
    with serve(sqlite_project) as server:
        for name, request in REQUESTS.items():
            head = (await send(server.address, request)).decode("latin-1")
            assert "fake" not in head, name
            assert "a" * 200 not in head, name
            answered += "x-request-id" in head  # the server itself refuses what is no HTTP, and logs no request

    lines = [line.removesuffix("\n") for line in server.output]
    assert not [line for line in lines for sign in DANGEROUS if sign in line]
    access = [line for line in lines if "duration_ms" in line]
    assert len(access) == answered > len(REQUESTS) / 2
    if env == "test":
        events = [json.loads(line)["event"] for line in lines]
        assert events.count("request") == answered
        assert "login_succeeded" not in events
