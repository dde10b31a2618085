"""A refresh while the database fails; with a COMMIT that fails it is in tests/auth."""

import asyncio
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from modules.auth.models import LoginSession
from shared.container import Runtime
from shared.testing.databases import execute
from shared.testing.envelope import assert_failure, data_of
from tests.auth.test_refresh import is_logged_in, refresh, stored_session
from tests.conftest import Account, MakeApp

# Far more than it takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 30

# Who waits for a lock in this database, and how to end that connection.
WAITING = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    # Not from innodb_trx, which shows nothing new to whoever asks more often than ten times a second.
    "mysql": """SELECT id FROM information_schema.processlist
                WHERE db = database() AND command = 'Query' AND info LIKE 'UPDATE auth_sessions%'""",
}
KILL = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


async def test_item_40_a_connection_that_is_lost_neither_uses_the_token_up_nor_ends_the_session(  # noqa: PLR0913, PLR0917 - fixtures
    make_app: MakeApp, app: FastAPI, client: httpx.AsyncClient, user: Account, database: str, backend: str
) -> None:
    if backend not in KILL:
        pytest.skip("nobody else holds an SQLite connection")
    runtime: Runtime = make_app().state.runtime
    row = select(LoginSession).where(LoginSession.id == UUID(user.tokens["session_id"]))
    async with runtime.shared.database().transaction() as session, asyncio.timeout(PATIENCE_SECONDS):
        await session.execute(row.with_for_update())
        waiting = asyncio.create_task(refresh(client, user.tokens["refresh_token"]))
        while not (found := await asyncio.to_thread(execute, database, WAITING[backend])):
            pass
        await asyncio.to_thread(execute, database, KILL[backend].format(found[0][0]))
        answer = await waiting

    assert_failure(answer, 503, "unavailable")
    assert (await stored_session(app, user.tokens)).counter == 0
    assert await is_logged_in(client, data_of(await refresh(client, user.tokens["refresh_token"])))
