"""The end of a server: it says so first, finishes what it has begun, and ends in time whatever its clients do."""

import asyncio
import signal
from contextlib import suppress
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
import websockets
from websockets.exceptions import ConnectionClosedError

from tests.project import Project, Server, read_along, serve

# Far more than anything here takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 60
# So many connections meet each of two workers.
SOME = 12
SERVICE_RESTART = 1012

UVICORN = ("-m", "uvicorn", "bootstrap:app", "--port", "0")
WORKERS = (*UVICORN, "--workers", "2")

HALF_A_BODY = (
    b"POST /api/lasting/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n["
)


@pytest.fixture
def lasting(sqlite_project: Project) -> Project:
    sqlite_project.add_module("lasting")
    sqlite_project.alembic("upgrade", "heads")
    return sqlite_project


async def ask(server: Server, path: str) -> httpx.Response:
    """On a connection of its own, like a load balancer."""
    async with httpx.AsyncClient(base_url=server.address, timeout=PATIENCE_SECONDS) as client:
        return await client.get(path)


async def until_it_serves(server: Server) -> None:
    """A supervisor says that it runs before its workers listen."""
    while True:
        with suppress(httpx.ConnectError):
            await ask(server, "/api/health")
            return


async def until_it_drains(server: Server) -> httpx.Response:
    """The answer of `/api/ready` when all workers have noticed."""
    while True:
        answers = [await ask(server, "/api/ready") for _ in range(SOME)]
        if {answer.status_code for answer in answers} == {503}:
            return answers[0]


@pytest.mark.parametrize(
    ("command", "again"), [(UVICORN, signal.SIGTERM), (WORKERS, signal.SIGKILL)], ids=["one process", "workers"]
)
async def test_item_86_it_is_unready_first_and_serves_meanwhile(
    lasting: Project, command: tuple[str, ...], again: signal.Signals
) -> None:
    # It would take so long, were it not for the second signal. Workers whose supervisor is killed end without delay.
    lasting.variables = {"DRAIN_DELAY_SECONDS": "50", "SHUTDOWN_TIMEOUT_SECONDS": "60"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        with serve(lasting, *command) as server, read_along(server):
            await until_it_serves(server)
            waiting = asyncio.create_task(ask(server, "/api/lasting/until-the-end"))
            server.process.terminate()
            answer = await until_it_drains(server)
            health = await ask(server, "/api/health")
            waited = await waiting
            server.process.send_signal(again)

    assert answer.json()["data"] == {"checks": {"database": "ok", "service": "draining"}}
    assert (health.status_code, health.headers["connection"]) == (200, "close")
    assert waited.status_code == 200


async def test_item_86_it_ends_in_time_whatever_its_clients_do(lasting: Project) -> None:
    lasting.variables = {"SHUTDOWN_TIMEOUT_SECONDS": "4"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        with serve(lasting, *UVICORN) as server, read_along(server):
            url = urlsplit(server.address)
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(HALF_A_BODY)
            stuck = asyncio.create_task(ask(server, "/api/lasting/stuck"))
            async with (
                websockets.connect(f"ws://{url.netloc}/api/lasting/socket") as socket,
                httpx.AsyncClient(base_url=server.address, timeout=PATIENCE_SECONDS) as client,
                client.stream("GET", "/api/lasting/events") as events,
            ):
                assert await socket.recv() == "first"
                server.process.terminate()
                # It has an end of its own: a connection that is cut would raise.
                assert (await events.aread()).decode() == "data: first\n\n"
                with pytest.raises(ConnectionClosedError) as closed:
                    await socket.recv()
                answers = [(await stuck).read(), await reader.read()]
                await asyncio.to_thread(server.process.wait)
            writer.close()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == SERVICE_RESTART
    assert all(b'"code":"unavailable"' in answer for answer in answers)
    said = "".join(server.output)
    assert "Application shutdown complete" in said
    assert "Traceback" not in said
    assert server.process.returncode == -signal.SIGTERM
