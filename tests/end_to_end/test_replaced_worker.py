"""A worker that ends is replaced; what is away just then keeps the replacement waiting, and the service alive."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2 as httpx
from sqlalchemy import make_url

from tests.end_to_end.test_startup import in_production
from tests.project import Project, Server, serve
from tests.relay import relay_to

PORTS = {"postgresql": 5432, "mysql": 3306}
WORKERS = ("-m", "uvicorn", "bootstrap:app", "--port", "0", "--workers", "2")
CONSENT = {"ALLOW_SQLITE_IN_PRODUCTION": "true", "ALLOW_THROTTLE_PER_PROCESS": "true"}

# Far more than anything here takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 60

Turn = Callable[[], Awaitable[object]]


@asynccontextmanager
async def outage(project: Project) -> AsyncIterator[tuple[Project, Turn, Turn]]:
    """The service, what makes its database useless, and what gives it back. A file cannot be away, but behind."""
    address = make_url(project.database)
    if address.get_backend_name() == "sqlite":
        yield (
            project,
            lambda: asyncio.to_thread(project.alembic, "downgrade", "auth@base"),
            lambda: asyncio.to_thread(project.alembic, "upgrade", "heads"),
        )
        return
    async with relay_to(address.host or "", address.port or PORTS[address.get_backend_name()]) as relay:
        through = address.set(host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
        yield replace(project, database=through), relay.cut, relay.mend


async def said(server: Server, pattern: str, times: int = 1) -> list[str]:
    """Wait until the server has printed this so many times since it began."""
    assert server.process.stderr is not None
    while len(found := re.findall(pattern, "".join(server.output))) < times:
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await asyncio.to_thread(server.process.stderr.readline)
        assert line, "the server ended:\n" + "".join(server.output)
        server.output.append(line)
    return found


async def test_a_worker_that_is_replaced_waits_for_the_database(project: Project) -> None:
    project.alembic("upgrade", "heads")
    async with outage(project) as (served, take_away, give_back):
        started = serve(in_production(served, **CONSENT), *WORKERS)
        server = await asyncio.to_thread(started.__enter__)
        try:
            pids = await said(server, r"Started server process \[(\d+)\]", times=2)
            await said(server, "Application startup complete", times=2)
            await take_away()
            os.kill(int(pids[0]), signal.SIGKILL)
            await said(server, "waiting_to_start")
            await said(server, "Application startup complete", times=3)

            async with httpx.AsyncClient(base_url=server.address, timeout=PATIENCE_SECONDS) as client:
                assert (await client.get("/api/health")).status_code == 200
                assert (await client.get("/api/ready")).json()["code"] == "not_ready"
                await give_back()
                await said(server, "started_late")
                assert (await client.get("/api/ready")).status_code == 200
            assert server.process.poll() is None
        finally:
            await asyncio.to_thread(started.__exit__, None, None, None)


async def test_the_first_workers_refuse_to_start_without_the_database(project: Project) -> None:
    async with outage(project) as (served, take_away, _):
        await take_away()  # of SQLite, there are no tables yet
        refused = in_production(served, **CONSENT)
        result = await asyncio.to_thread(refused.run, "python", *WORKERS, check=False)

    assert "cannot_start" in result.stderr
    assert "Application startup complete" not in result.stderr
