"""Connections to the database: in turn, bounded, and replaced when the server has ended them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Select, bindparam, column, func, literal, select, table, text
from sqlalchemy.exc import DBAPIError

import shared.database.engines
from shared.container import Runtime
from shared.database import Database
from shared.testing.databases import execute
from tests.conftest import Account, MakeApp, client_of

ECHO = select(literal("echo").label("said"), func.lower(bindparam("given")).label("heard"))

SERVERS_CONNECTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
}
END = {"postgresql": "SELECT pg_terminate_backend({}, 5000)", "mysql": "KILL CONNECTION {}"}


@pytest.fixture
async def one_connection(database: str) -> AsyncIterator[Database]:
    opened = Database(database, pool_size=1)
    yield opened
    await opened.close()


async def test_rows_are_fetched_with_a_statement_that_was_built_before(one_connection: Database) -> None:
    first = await one_connection.fetch(one_connection.prepare(ECHO), {"given": "A"})
    second = await one_connection.fetch(one_connection.prepare(ECHO), {"given": "B"})

    assert [(row.said, row.heard) for row in (*first, *second)] == [("echo", "a"), ("echo", "b")]


async def test_what_cannot_be_looked_up_on_the_spot_is_asked_the_ordinary_way(database: str) -> None:
    if not database.startswith("sqlite"):
        pytest.skip("a server is never asked on the spot")
    opened = Database(database)
    assert opened._lookups is not None
    opened._lookups.connection.close()

    rows = await opened.fetch(opened.prepare(ECHO), {"given": "A"})
    await opened.close()

    assert [row.heard for row in rows] == ["a"]


async def test_an_error_says_the_same_prepared_or_not(database: str) -> None:
    opened = Database(database)
    missing: Select[Any] = select(column("id")).select_from(table("no_such_table"))

    with pytest.raises(DBAPIError, match="no_such_table"):
        await opened.fetch(opened.prepare(missing), {})
    rows = await opened.fetch(opened.prepare(ECHO), {"given": "A"})
    await opened.close()

    assert [row.heard for row in rows] == ["a"]


async def test_those_who_want_a_connection_get_it_in_turn(one_connection: Database) -> None:
    order: list[int] = []

    async def ask_again_and_again(who: int) -> None:
        for _ in range(10):
            async with one_connection.read() as session:
                await session.execute(text("SELECT 1"))
            order.append(who)

    await asyncio.gather(*(ask_again_and_again(who) for who in range(3)))

    assert order == [0, 1, 2] * 10


async def test_writers_who_wait_leave_the_connections_to_those_who_read(database: str, backend: str) -> None:
    if backend != "sqlite":
        pytest.skip("a server has many writers at a time")
    opened = Database(database, pool_size=2)

    async def write() -> None:
        async with opened.transaction() as session:
            await session.execute(text("SELECT 1"))

    async with opened.transaction() as session:
        await session.execute(text("SELECT 1"))
        writing = [asyncio.create_task(write()) for _ in range(5)]
        await asyncio.sleep(0)  # lets them begin
        rows = await opened.fetch(opened.prepare(ECHO), {"given": "A"})
        waiting = sum(not task.done() for task in writing)
    await asyncio.gather(*writing)
    await opened.close()

    assert (len(rows), waiting) == (1, 5)


async def test_item_82_who_waits_too_long_for_a_connection_is_told_to_come_again(
    make_app: MakeApp, user: Account
) -> None:
    app = make_app(database_pool_size=1, database_pool_timeout_seconds=0.01)
    runtime: Runtime = app.state.runtime
    async with client_of(app) as client:
        async with runtime.shared.database().transaction() as session:
            await session.execute(text("SELECT 1"))
            refused = await client.get("/api/auth/sessions", headers=user.headers)
        served = await client.get("/api/auth/sessions", headers=user.headers)

    assert (refused.status_code, refused.json()["code"], served.status_code) == (503, "unavailable", 200)
    assert refused.headers["Retry-After"] == "1"


async def test_no_more_connections_are_opened_than_the_setting_says(
    make_app: MakeApp, user: Account, database: str, backend: str
) -> None:
    if backend not in SERVERS_CONNECTIONS:
        pytest.skip("a file does not count who has opened it")
    before = {row[0] for row in await asyncio.to_thread(execute, database, SERVERS_CONNECTIONS[backend])}
    async with client_of(make_app(database_pool_size=2)) as client:
        answers = await asyncio.gather(*(client.get("/api/users/me", headers=user.headers) for _ in range(20)))
        after = {row[0] for row in await asyncio.to_thread(execute, database, SERVERS_CONNECTIONS[backend])}

    assert {answer.status_code for answer in answers} == {200}
    assert len(after - before) == 2


@pytest.mark.parametrize("rest", [-1, 3600], ids=["rested", "just used"])
async def test_item_82_a_connection_that_the_server_has_ended_is_replaced(  # noqa: PLR0913, PLR0917 - fixtures
    app: FastAPI,
    client: httpx.AsyncClient,
    user: Account,
    database: str,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
    rest: int,
) -> None:
    if backend not in END:
        pytest.skip("there is no server")
    monkeypatch.setattr(shared.database.engines, "IDLE_CHECK_SECONDS", rest)
    if backend == "mysql" and rest > 0:
        pytest.skip("its driver does not notice before it is used")
    await asyncio.gather(*(client.get("/api/users/me", headers=user.headers) for _ in range(10)))

    ended = [row[0] for row in await asyncio.to_thread(execute, database, SERVERS_CONNECTIONS[backend])]
    await asyncio.to_thread(execute, database, *(END[backend].format(connection) for connection in ended))
    answers = [await client.get("/api/users/me", headers=user.headers) for _ in range(10)]

    assert len(ended) > 1
    assert {answer.status_code for answer in answers} == {200}


async def test_many_connections_may_open_a_new_sqlite_file_at_the_same_time(tmp_path: Path) -> None:
    # Chance decides how they meet, so they do it often.
    for turn in range(40):
        opened = [Database(f"sqlite:///{tmp_path}/{turn}.db") for _ in range(8)]
        try:
            await asyncio.gather(*(database.ping() for database in opened))
        finally:
            await asyncio.gather(*(database.close() for database in opened))
