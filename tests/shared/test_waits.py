"""Every wait for the database has a limit, and every one answers 503 and gives its connection back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2 as httpx
import pytest
from dependency_injector import providers
from sqlalchemy import literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.container import Runtime
from shared.database import Database
from shared.database.outages import means_database_is_away
from shared.database.waits import Waits, mariadb_limits
from shared.testing.databases import available
from shared.testing.envelope import assert_failure, data_of
from tests.conftest import Account, MakeApp, client_of

SHORT = {"database_statement_timeout_seconds": 0.2, "database_lock_timeout_seconds": 0.2}
SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(3600)",
    "mysql": "SELECT SUM(a.seq * b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
}
"""Each would take an hour at least."""
# Far more than fits between a server and its client.
STREAMS = {
    "postgresql": ("SELECT 1", "SELECT repeat('x', 1000) FROM generate_series(1, 20000)"),
    "mysql": ("SET SESSION net_write_timeout = 1", "SELECT repeat('x', 1000) FROM seq_1_to_20000"),
}
LOCK = "UPDATE auth_roles SET name = name"


@asynccontextmanager
async def opened(address: str, **waits: Any) -> AsyncIterator[Database]:
    database = Database(address, pool_size=1, waits=Waits(**waits))
    try:
        yield database
    finally:
        await database.close()


def is_outage(error: Exception | None) -> bool:
    return error is not None and means_database_is_away(error)


async def answers(database: Database) -> bool:
    """Its one connection has been given back, and can be used."""
    async with database.transaction() as session:
        return bool(await session.scalar(text("SELECT 1")))


async def failure_of(work: Awaitable[object]) -> Exception | None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - each driver has its own
        return error
    return None


async def ask(within: AbstractAsyncContextManager[AsyncSession], statement: str, *, again_after: float = 0) -> None:
    async with within as session:
        await session.execute(text(statement))
        if again_after:
            await asyncio.sleep(again_after)  # what is tested is that nothing happens
            await session.execute(text("SELECT 1"))


async def test_item_82_a_statement_has_a_limit(database: str, backend: str) -> None:
    async with opened(database, statement=0.2) as waiting:
        for way in (waiting.read, waiting.transaction):
            assert is_outage(await failure_of(ask(way(), SLOW[backend])))
            assert await answers(waiting)
        if backend != "sqlite":  # there it is for what an index answers at once
            prepared = waiting.prepare(select(literal_column(f"({SLOW[backend]})").label("slow")))
            assert is_outage(await failure_of(waiting.fetch(prepared, {})))
            assert await answers(waiting)


@asynccontextmanager
async def roles_locked(address: str) -> AsyncIterator[AsyncSession]:
    async with opened(address) as other, other.transaction() as session:
        await session.execute(text(LOCK))
        yield session


async def test_item_82_a_lock_has_a_limit(database: str) -> None:
    async with opened(database, lock=0.2) as waiting:
        async with roles_locked(database):
            assert is_outage(await failure_of(ask(waiting.transaction(), LOCK)))
        assert await answers(waiting)


async def test_item_82_a_transaction_that_does_nothing_has_a_limit(database: str) -> None:
    async with opened(database, idle_in_transaction=0.2) as waiting:
        assert is_outage(await failure_of(ask(waiting.transaction(), "SELECT name FROM auth_roles", again_after=2.5)))
        assert await answers(waiting)


@pytest.mark.parametrize("backend", sorted(set(available()) & set(STREAMS)), indirect=True)
async def test_item_82_a_stream_that_nobody_reads_has_a_limit(database: str, backend: str) -> None:
    prepare, rows = STREAMS[backend]

    async def export(waiting: Database) -> None:
        async with waiting.read() as session:
            await session.execute(text(prepare))
            stream = await session.stream(text(rows).execution_options(yield_per=100))
            await stream.fetchmany(100)
            await asyncio.sleep(2.5)  # what is tested is that nothing happens
            await stream.all()

    async with opened(database, idle_in_transaction=1) as waiting:
        assert is_outage(await failure_of(export(waiting)))
        assert await answers(waiting)


async def test_item_82_no_limit_is_a_choice(database: str, make_app: MakeApp) -> None:
    app = make_app(database_statement_timeout_seconds="none", database_lock_timeout_seconds="none")
    runtime: Runtime = app.state.runtime

    assert await answers(runtime.shared.database())
    assert runtime.shared.database().waits.answer is None
    assert mariadb_limits(Waits(statement=None, lock=None, idle_in_transaction=None)) is None


async def test_item_82_what_is_over_time_is_503_and_rolled_back(
    make_app: MakeApp, user: Account, database: str
) -> None:
    async with client_of(make_app(database_pool_size=1, **SHORT)) as client:
        async with roles_locked(database) as session:
            await session.execute(text("UPDATE users SET nickname = 'other'"))
            patch = {"nickname": "Grace"}
            refused = await client.patch("/api/users/me", headers=user.headers, json=patch)
        served = await client.get("/api/users/me", headers=user.headers)

    assert_failure(refused, 503, "unavailable")
    assert refused.headers["Retry-After"] == "1"
    assert data_of(served)["nickname"] == "other"


async def test_item_82_readiness_does_not_wait_for_a_free_connection(make_app: MakeApp) -> None:
    app = make_app(database_pool_size=1, readiness_timeout_seconds=60)
    runtime: Runtime = app.state.runtime
    async with client_of(app) as client, runtime.shared.database().read() as session:
        await session.execute(text("SELECT 1"))
        assert data_of(await client.get("/api/ready"))["status"] == "ready"


async def test_item_82_readiness_asks_once_and_not_for_long(make_app: MakeApp) -> None:
    app = make_app(readiness_timeout_seconds=0.05)
    asked = []

    async def hang(_engine: object) -> dict[str, str]:
        asked.append(1)
        await asyncio.shield(asyncio.sleep(0.5))  # it does not even end when it is told to
        return {}

    app.state.runtime.shared.read_migrations.override(providers.Object(hang))
    async with client_of(app) as client:
        ready = [client.get("/api/ready") for _ in range(5)]
        refused: list[httpx.Response] = await asyncio.gather(*ready)

    assert {answer.status_code for answer in refused} == {503}
    assert len(asked) == 1
