"""What becomes of a running server's work when it is killed, told to stop, or left alone by its clients."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from sqlalchemy import text

from shared.database import Database
from shared.testing.databases import execute
from tests.conftest import UNLIMITED, sign_up
from tests.factories import RegisterRequestFactory
from tests.project import Project
from tests.races.service import serve

log = logging.getLogger(__name__)

WRITERS = 8
# By hand more, for a figure: KILL_ROUNDS=20, with `-n 0 --log-cli-level=INFO` to see how much was written.
KILLS = int(os.environ.get("KILL_ROUNDS", "3"))
SOME = 20
# Far more than anything here takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 60


@pytest.fixture
def served(project: Project) -> Project:
    project.variables = dict.fromkeys((f"AUTH_{name}".upper() for name in UNLIMITED), "none")
    project.alembic("upgrade", "heads")
    return project


@asynccontextmanager
async def writing(address: str, acknowledged: list[str]) -> AsyncIterator[asyncio.Event]:
    """Register one account after the other until the server is gone; those that were answered with 201 are noted.

    Gives what tells that some have been.
    """
    enough, before = asyncio.Event(), len(acknowledged)

    async def write() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS) as client:
            while True:
                request = RegisterRequestFactory.build().model_dump(mode="json")
                try:
                    answer = await client.post("/api/auth/register", json=request)
                except httpx.HTTPError:
                    return
                assert answer.status_code == 201, answer.text
                acknowledged.append(request["email"])
                if len(acknowledged) >= before + SOME:
                    enough.set()

    writers = [asyncio.create_task(write()) for _ in range(WRITERS)]
    yield enough
    await asyncio.gather(*writers)


async def test_item_81_what_was_acknowledged_survives_a_kill(served: Project) -> None:
    acknowledged: list[str] = []
    for _ in range(KILLS):
        with serve(served, 1) as (process,):
            async with asyncio.timeout(PATIENCE_SECONDS), writing(process.address, acknowledged) as enough:
                await enough.wait()
                os.kill(process.pid, signal.SIGKILL)

    stored = {email for (email,) in await asyncio.to_thread(execute, served.database, "SELECT email FROM users")}
    missing = set(acknowledged) - stored
    log.info("%d kills, %d writes acknowledged, %d missing", KILLS, len(acknowledged), len(missing))
    assert not missing
    if served.database.startswith("sqlite"):
        assert await asyncio.to_thread(execute, served.database, "PRAGMA integrity_check") == [("ok",)]


async def test_item_86_a_server_that_is_told_to_stop_answers_what_it_has_begun(served: Project) -> None:
    served.variables = {**served.variables, "AUTH_BCRYPT_COST": "11"}
    with serve(served, 1) as (process,):
        async with httpx.AsyncClient(base_url=process.address, timeout=PATIENCE_SECONDS) as client:
            account = await sign_up(client)
            body = {"email": account.email, "password": account.password}
            logins = [asyncio.create_task(client.post("/api/auth/login", json=body)) for _ in range(WRITERS)]
            # Hashes are computed a few at a time: when the first is done, the others have arrived and wait.
            await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
            os.kill(process.pid, signal.SIGTERM)
            answers = await asyncio.gather(*logins)

    assert [answer.status_code for answer in answers] == [200] * WRITERS


async def test_item_86_clients_that_go_away_keep_no_connection_of_the_database(served: Project) -> None:
    served.variables = {**served.variables, "DATABASE_POOL_SIZE": "2"}
    with serve(served, 1) as (process,):
        async with httpx.AsyncClient(base_url=process.address, timeout=PATIENCE_SECONDS) as client:
            account = await sign_up(client)
            url, token = urlsplit(process.address), account.tokens["access_token"]
            head = f"/api/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            patch = f"PATCH {head}Content-Type: application/json\r\nContent-Length: 18\r\n\r\n" + '{"nickname":"Ada"}'
            for request in (f"GET {head}\r\n", patch, patch[:-5]) * 40:
                _, writer = await asyncio.open_connection(url.hostname, url.port)
                writer.write(request.encode())
                await writer.drain()
                writer.transport.abort()

            answers = await asyncio.gather(*(client.get("/api/users/me", headers=account.headers) for _ in range(20)))
            written = await client.patch("/api/users/me", headers=account.headers, json={"nickname": "Grace"})

    assert {answer.status_code for answer in answers} == {200}
    assert written.json()["data"]["nickname"] == "Grace"


async def test_item_87_clients_that_leave_a_lock_free_their_connections(served: Project) -> None:
    if served.database.startswith("sqlite"):
        pytest.skip("who waits for another writer keeps no connection")
    patient = dict.fromkeys(("LOCK", "STATEMENT", "POOL"), str(PATIENCE_SECONDS))
    waits = {f"DATABASE_{name}_TIMEOUT_SECONDS": seconds for name, seconds in patient.items()}
    served.variables = {**served.variables, **waits, "DATABASE_POOL_SIZE": "2"}
    with serve(served, 1) as (process,):
        async with httpx.AsyncClient(base_url=process.address, timeout=PATIENCE_SECONDS) as client:
            account = await sign_up(client)
            url, token = urlsplit(process.address), account.tokens["access_token"]
            body = '{"nickname":"Ada"}'
            head = f"PATCH /api/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            locking = Database(served.database)
            async with locking.transaction() as session:
                await session.execute(text("UPDATE users SET nickname = 'Lovelace'"))
                for _ in range(2):
                    _, writer = await asyncio.open_connection(url.hostname, url.port)
                    writer.write(request.encode())
                    await writer.drain()
                    await asyncio.sleep(0.5)  # until it waits for the lock; if it does not yet, this shows nothing
                    writer.transport.abort()
                shown = await client.get("/api/auth/sessions", headers=account.headers)
            await locking.close()
            kept = await client.get("/api/users/me", headers=account.headers)

    assert (shown.status_code, kept.json()["data"]["nickname"]) == (200, "Lovelace")
    assert sum('"status": 499' in line for line in process.output) == 2
