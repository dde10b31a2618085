"""`manage auth purge` takes away what has served its time, and nothing else."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from modules.auth.container import Container
from modules.auth.models import LoginSession
from modules.auth.purge import PurgeService
from shared.container import Runtime
from shared.testing.envelope import data_of
from tests.auth.conftest import Manage
from tests.auth.test_logout import log_out
from tests.auth.test_refresh import is_logged_in, refresh
from tests.conftest import Account, MovableClock, log_in, sign_up

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def service(app: FastAPI) -> PurgeService:
    runtime: Runtime = app.state.runtime
    return runtime.of(Container).purge_service()


async def stored(app: FastAPI) -> set[UUID]:
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().read() as session:
        return set(await session.scalars(select(LoginSession.id)))


def ids(sessions: Iterable[dict[str, Any]]) -> set[UUID]:
    return {UUID(tokens["session_id"]) for tokens in sessions}


async def test_item_47_sessions_are_purged_when_they_have_been_over_for_a_month(
    app: FastAPI, client: httpx.AsyncClient, clock: MovableClock
) -> None:
    user = await sign_up(client)
    ended = await log_in(client, user.email, user.password)
    data_of(await log_out(client, ended))
    clock.advance(days=29)
    over_lately, alive = [await log_in(client, user.email, user.password) for _ in range(2)]
    data_of(await log_out(client, over_lately))
    # The first one has been idle for 22 days by now, the logout was 29 days ago: all of that is kept for a month.
    assert (await service(app).count())["sessions"] == 0
    clock.advance(days=2)

    assert (await service(app).count())["sessions"] == 1
    assert (await service(app).purge(lambda _kind, _count: None))["sessions"] == 1
    assert await stored(app) == ids([user.tokens, over_lately, alive])

    clock.advance(days=4)
    alive = data_of(await refresh(client, alive["refresh_token"]))
    clock.advance(days=3)
    assert (await service(app).purge(lambda _kind, _count: None))["sessions"] == 1
    assert await stored(app) == ids([over_lately, alive])
    assert data_of(await refresh(client, alive["refresh_token"]))
    assert (await service(app).purge(lambda _kind, _count: None))["sessions"] == 0


@ON_SQLITE
async def test_item_47_the_command_purges_and_can_be_asked_what_it_would_do(
    app: FastAPI, client: httpx.AsyncClient, user: Account, manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        data_of(await log_out(client, await log_in(client, user.email, user.password)))
    kept = await manage("auth", "purge")
    assert (kept.code, kept.output) == (0, "Deleted 0 sessions, 0 links, 0 audit events.\n")
    monkeypatch.setenv("AUTH_SESSION_RETENTION_DAYS", "0")

    dry = await manage("auth", "purge", "--dry-run")
    assert (dry.code, dry.output) == (0, "Would delete 2 sessions, 0 links, 0 audit events.\n")
    assert len(await stored(app)) == 3

    purged = await manage("auth", "purge")
    assert purged.code == 0, purged.output
    assert "Deleted 2 sessions, 0 links, 0 audit events.\n" in purged.output
    assert await stored(app) == ids([user.tokens])
    assert await is_logged_in(client, user.tokens)
