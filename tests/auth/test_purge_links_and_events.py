"""`manage auth purge`: the links and the audit trail; the sessions are in test_purge.py."""

from datetime import UTC, datetime, timedelta

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, insert, select
from uuid_utils.compat import uuid7

from modules.auth.container import Container
from modules.auth.models import AuditEvent, MailToken
from modules.auth.purge import PurgeService
from shared.container import Runtime
from shared.database import Database
from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox
from tests.auth.conftest import Manage
from tests.auth.recovery import reset, reset_token
from tests.auth.roles import audited
from tests.conftest import UNLIMITED, Account, MakeApp, MovableClock, log_in

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, auth=UNLIMITED)


def service(app: FastAPI) -> PurgeService:
    runtime: Runtime = app.state.runtime
    return runtime.of(Container).purge_service()


def database_of(app: FastAPI) -> Database:
    runtime: Runtime = app.state.runtime
    return runtime.shared.database()


async def links(app: FastAPI) -> int:
    async with database_of(app).read() as session:
        return await session.scalar(select(func.count()).select_from(MailToken)) or 0


async def test_a_link_is_purged_when_it_has_expired(
    app: FastAPI, client: httpx.AsyncClient, clock: MovableClock, user: Account, mailbox: Mailbox
) -> None:
    early = await reset_token(client, mailbox, user.email)
    clock.advance(minutes=20)
    late = await reset_token(client, mailbox, user.email)
    clock.advance(minutes=15)
    # The one to confirm the address, and two for another password.
    assert await links(app) == 3

    assert (await service(app).count())["links"] == 1
    assert (await service(app).purge(lambda _kind, _count: None))["links"] == 1

    assert await links(app) == 2
    assert_failure(await reset(client, early), 400, "invalid_token")
    data_of(await reset(client, late))


async def test_an_audit_event_is_kept_for_a_year(
    app: FastAPI, client: httpx.AsyncClient, clock: MovableClock, admin: Account, user: Account
) -> None:
    before = {event["id"] for event in await audited(client, admin)}
    clock.advance(days=364)
    admin.tokens = await log_in(client, admin.email, admin.password)
    assert (await service(app).count())["audit events"] == 0

    clock.advance(days=2)
    admin.tokens = await log_in(client, admin.email, admin.password)
    kept = {event["id"] for event in await audited(client, admin)} - before
    assert (await service(app).purge(lambda _kind, _count: None))["audit events"] == len(before)

    assert {event["id"] for event in await audited(client, admin)} == kept


@ON_SQLITE
async def test_many_rows_go_in_batches_and_the_operator_sees_how_far_it_is(
    app: FastAPI, client: httpx.AsyncClient, user: Account, manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = datetime.now(UTC) - timedelta(days=40)
    rows = [{"id": uuid7(), "at": old, "event": "logged_out", "request_id": "x", "details": {}} for _ in range(2500)]
    async with database_of(app).transaction() as session:
        await session.execute(insert(AuditEvent), rows)
    monkeypatch.setenv("AUTH_AUDIT_RETENTION_DAYS", "30")

    dry = await manage("auth", "purge", "--dry-run")
    purged = await manage("auth", "purge")
    again = await manage("auth", "purge")

    assert (dry.code, dry.output) == (0, "Would delete 0 sessions, 0 links, 2500 audit events.\n")
    assert purged.code == 0, purged.output
    for progress in ("1000 audit events", "2000 audit events", "2500 audit events"):
        assert progress in purged.output.splitlines()
    assert "Deleted 0 sessions, 0 links, 2500 audit events." in purged.output
    assert again.output == "Deleted 0 sessions, 0 links, 0 audit events.\n"
    assert await log_in(client, user.email, user.password)
