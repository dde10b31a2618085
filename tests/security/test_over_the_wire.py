"""The doors of a real server process, asked with bytes that no client library would send, through both HTTP parsers."""

import asyncio
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from tests.conftest import sign_up
from tests.project import Project, serve
from tests.trees import write

ROUTER = """
from fastapi import APIRouter, FastAPI, WebSocket
from shared.access import Authenticated, Public

router = APIRouter(dependencies=[Authenticated()])


@router.websocket("/closed")
@router.websocket("/open", dependencies=[Public("for a test")])
async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


router.mount("/mounted", FastAPI())
"""
MODULE = 'from shared.module import Module\n\nmodule = Module(description="For a test.")\n'

CLOSED = [
    "/api/users/me",
    "//api/users/me",
    "/api//users/me",
    "/api/users/me/",
    "/API/users/me",
    "/api/users/me%0a",
    "/api/users/me%0d%0a",
    "/api/users/me%00",
    "/api/users/me%20",
    "/api/users/me;x",
    "/api/users/me.",
    "/api/./users/me",
    "/api/health/../users/me",
    "/api/health%2f..%2fusers/me",
    "/api%2fusers%2fme",
    "/api/users/%6de",
    "/api/users/me?/api/health",
    "/api/users/me#/api/health",
    "/api/health%0a",
    "/api/health/",
    "/api/users\\me",
    "/api/sockets/closed",
    "/api/sockets/mounted/docs",
    "/api/sockets/mounted/openapi.json",
    "http://evil.test/api/users/me",
    "https://evil.test:443/api/users/me",
    "http://evil.test/api/health%0a",
    "/static/../../etc/passwd",
    "*",
]
# Far more than an answer takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 30
METHODS = ["HEAD", "POST", "DELETE", "OPTIONS", "TRACE", "PURGE", "get"]
MALFORMED_HOSTS = ["x/api/health?", "a#/api/auth/login", "a b"]
HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


async def status_of(address: str, method: str, target: str, *headers: str, host: str = "localhost") -> int:
    """Send the request as it is written here; gives the status, 0 when the connection was closed without one."""
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode("latin-1"))
        await writer.drain()
        status_line = await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)
        return int(status_line.split()[1]) if status_line else 0
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.fixture
def sockets(sqlite_project: Project) -> Project:
    """The project with one module more, and a database."""
    folder = sqlite_project.path / "modules" / "sockets"
    write(folder, {"module.py": MODULE, "router.py": ROUTER, "__init__.py": ""})
    sqlite_project.alembic("upgrade", "heads")
    return sqlite_project


async def token_of_somebody(address: str) -> str:
    async with httpx.AsyncClient(base_url=address) as client:
        user = await sign_up(client)
    return f"Authorization: Bearer {user.tokens['access_token']}"


@pytest.mark.parametrize("parser", ["httptools", "h11"])
async def test_item_57_no_bytes_on_the_wire_open_a_closed_door(sockets: Project, parser: str) -> None:
    with serve(sockets, "-m", "uvicorn", "bootstrap:app", "--port", "0", "--http", parser) as server:
        token = await token_of_somebody(server.address)
        # Few enough: nobody reads the server's log before the end.
        asked = [("GET", target) for target in CLOSED] + [(method, "/api/users/me") for method in METHODS]
        # 400 is the server's own, for what is no HTTP at all.
        opened = [one for one in asked if await status_of(server.address, *one) not in {400, 401}]
        known = [await status_of(server.address, "GET", target, token) for target in (CLOSED[0], f"{CLOSED[0]}%0a")]
        hosts = [await status_of(server.address, "GET", CLOSED[0], token, host=host) for host in MALFORMED_HOSTS]

        assert opened == []
        assert known == [200, 404]
        assert hosts == [400] * len(hosts)
        assert await status_of(server.address, "GET", "/api/health") == 200
    assert "Traceback" not in "".join(server.output)


async def test_item_60_no_handshake_on_the_wire_opens_a_closed_websocket(sockets: Project) -> None:
    with serve(sockets) as server:
        token = await token_of_somebody(server.address)

        async def shake_hands(path: str, *headers: str) -> int:
            return await status_of(server.address, "GET", f"/api/sockets/{path}", *HANDSHAKE, *headers)

        assert await shake_hands("closed") == await shake_hands("closed", "Authorization: Bearer x") == 401
        assert await shake_hands("closed%0a", token) == await shake_hands("nothing", token) == 404
        for origin in ("https://evil.test", "null", "http://localhost.evil.test"):
            assert await shake_hands("closed", token, f"Origin: {origin}") == 403
            assert await shake_hands("open", f"Origin: {origin}") == 403
        for headers in ((token,), (token, "Origin: http://localhost")):
            assert await shake_hands("closed", *headers) == 101
        assert await shake_hands("open") == 101
    assert "Traceback" not in "".join(server.output)
