"""Each event of the audit trail is a line of the log, too: after the commit, and only then."""

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import get_args
from uuid import uuid4

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.audit.trail import AuditName, AuditTrail
from modules.auth.container import Container
from shared.container import Runtime
from shared.database import Database
from shared.testing.databases import execute
from shared.testing.envelope import assert_failure, data_of
from tests.api.failing import failing_commits
from tests.auth.recovery import change
from tests.auth.roles import make_role, new_role, set_roles
from tests.auth.test_last_administrator import activate, deactivate, delete, revoke
from tests.auth.test_login import attempt
from tests.conftest import Account, log_in, sign_up
from tests.factories import RegisterRequestFactory
from tests.project import ROOT


class Told(logging.Handler):
    """What the audit trail has told the log; at each line another connection looks for the row."""

    def __init__(self, database: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.early: list[str] = []
        self._database = database
        self._elsewhere = ThreadPoolExecutor(1)

    def emit(self, record: logging.LogRecord) -> None:
        event = record.msg["event"]  # type: ignore[index]  # structlog hands its facts on as they are
        self.lines.append(event)
        query = f"SELECT COUNT(*) FROM auth_audit_events WHERE event = '{event}'"
        ((rows,),) = self._elsewhere.submit(execute, self._database, query).result()
        if rows != self.lines.count(event):
            self.early.append(event)

    def close(self) -> None:
        self._elsewhere.shutdown()
        super().close()


@pytest.fixture
def told(database: str, app: FastAPI) -> Iterator[Told]:
    handler = Told(database)
    logging.getLogger("audit").addHandler(handler)
    yield handler
    logging.getLogger("audit").removeHandler(handler)
    handler.close()


def parts_of(app: FastAPI) -> tuple[AuditTrail, Database]:
    runtime: Runtime = app.state.runtime
    return runtime.of(Container).audit(), runtime.shared.database()


async def test_item_80_an_event_is_told_when_another_connection_can_see_it(app: FastAPI, told: Told) -> None:
    audit, database = parts_of(app)

    for event in get_args(AuditName):
        before = list(told.lines)
        async with database.transaction() as session:
            audit.record(session, event, user_id=uuid4())
            await session.flush()
            assert told.lines == before

    assert told.lines == list(get_args(AuditName))
    assert told.early == []


async def test_item_80_what_is_rolled_back_is_not_told(app: FastAPI, told: Told) -> None:
    audit, database = parts_of(app)

    async def write(session: AsyncSession, *, fail: bool = False) -> None:
        for event in get_args(AuditName):
            audit.record(session, event, user_id=uuid4())
        await session.flush()
        if fail:
            raise ZeroDivisionError

    async with database.transaction() as session, session.begin_nested() as savepoint:
        await write(session)
        await savepoint.rollback()
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await write(session, fail=True)
    with failing_commits(app), pytest.raises(OperationalError):
        async with database.transaction() as session:
            await write(session)

    assert told.lines == []


async def test_item_80_the_events_of_requests_are_told_after_their_commits(
    client: httpx.AsyncClient, told: Told, admin: Account
) -> None:
    role = await make_role(client, admin)
    user = await sign_up(client)
    data_of(await client.patch(f"/api/auth/roles/{role}", headers=admin.headers, json={"description": "Other."}))
    data_of(await set_roles(client, admin, user.id, role))
    assert_failure(await attempt(client, user.email, "not the password"), 401, "invalid_credentials")
    assert_failure(await change(client, user, "not the password"), 403, "invalid_credentials")
    data_of(await change(client, user, user.password))
    data_of(await client.patch(f"/api/users/{user.id}", headers=admin.headers, json={"nickname": "Ada"}))
    for way in (revoke, deactivate, activate, delete):
        data_of(await way(client, admin, user))
    data_of(await client.delete(f"/api/auth/roles/{role}", headers=admin.headers))

    assert told.early == []
    assert told.lines == [
        "administrator_created",
        "login_succeeded",
        "role_created",
        "account_registered",
        "login_succeeded",
        "role_changed",
        "roles_assigned",
        "login_failed",
        "password_check_failed",
        "password_changed",
        "account_changed",
        "sessions_revoked",
        "account_deactivated",
        "account_activated",
        "account_deleted",
        "role_deleted",
    ]


async def test_item_80_nothing_is_told_of_requests_whose_commit_fails(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, user: Account, told: Told
) -> None:
    told.lines.clear()
    registration = RegisterRequestFactory.build().model_dump(mode="json")
    roles = "/api/auth/roles"

    with failing_commits(app):
        for answer in (
            await client.post("/api/auth/register", json=registration),
            await client.post(roles, headers=admin.headers, json=new_role()),
            await set_roles(client, admin, user.id),
            await attempt(client, user.email, user.password),
            await attempt(client, user.email, "not the password"),
            await change(client, user, user.password),
            await change(client, user, "not the password"),
            await client.patch(f"/api/users/{user.id}", headers=admin.headers, json={"nickname": "Ada"}),
            *[await way(client, admin, user) for way in (revoke, deactivate, delete)],
        ):
            assert_failure(answer, 503, "unavailable")

    assert told.lines == []
    assert await log_in(client, user.email, user.password)


def test_item_80_events_are_written_and_told_in_one_place() -> None:
    writes = re.compile(r"(?<!class )\bAuditEvent\(|get_logger\(\"audit\"\)")
    places = {
        file.relative_to(ROOT).as_posix()
        for folder in ("modules", "shared")
        for file in (ROOT / folder).rglob("*.py")
        if writes.search(file.read_text(encoding="utf-8"))
    }

    assert places == {"modules/auth/audit/trail.py"}
