"""Processes that start at once make one first administrator, and all of them serve."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from modules.auth.models import ADMIN, AuditEvent, UserRole
from modules.users import User
from shared.container import Runtime
from shared.events import ApplicationStarted
from shared.testing.databases import execute
from tests.conftest import MakeApp, log_in
from tests.project import Project
from tests.races.conftest import FIRST_ADMINISTRATOR
from tests.races.service import Call, Race, outcomes, race_on, serve

PROCESSES = 4
PARALLEL = 12

AS_BEFORE = (
    "DELETE FROM auth_user_roles",
    "DELETE FROM auth_credentials",
    "DELETE FROM users",
    "DELETE FROM auth_audit_events",
    "UPDATE auth_roles SET first_granted_at = NULL",
)


async def test_item_23_processes_that_start_at_once_make_one_administrator(strict_race: Race) -> None:
    await assert_one_administrator(strict_race)
    assert await log_in(strict_race.client, FIRST_ADMINISTRATOR.email, FIRST_ADMINISTRATOR.password)


@pytest.mark.slow
async def test_item_23_processes_that_start_at_once_make_one_administrator_every_time(
    strict_project: Project, database: str
) -> None:
    project = replace(strict_project, database=database)
    for _ in range(100):
        with serve(project, PROCESSES) as processes:
            async with race_on(processes, database) as race:
                await assert_one_administrator(race)
                ready = [Call("GET", "/api/ready")] * PROCESSES
                assert outcomes(await race.at_once(ready)) == {"200 ok": PROCESSES}
        await asyncio.to_thread(execute, database, *AS_BEFORE)


async def test_item_23_of_many_that_look_for_an_administrator_at_once_one_makes_it(
    make_app: MakeApp, database: str, tmp_path: Path, rounds: range
) -> None:
    # Processes never start at quite the same time; this is the same moment.
    password_file = tmp_path / "password"
    password_file.write_text(FIRST_ADMINISTRATOR.password, encoding="utf-8")
    auth = {"bootstrap_admin_email": FIRST_ADMINISTRATOR.email, "bootstrap_admin_password_file": password_file}
    runtime: Runtime = make_app(auth=auth).state.runtime

    async def start() -> None:
        async with runtime.shared.database().transaction() as session:
            await runtime.shared.events().publish(ApplicationStarted(), session)

    async with race_on([], database) as race:
        for _ in rounds:
            await asyncio.gather(*(start() for _ in range(PARALLEL)))

            await assert_one_administrator(race)
            await asyncio.to_thread(execute, database, *AS_BEFORE)


async def assert_one_administrator(race: Race) -> None:
    (administrator,) = await race.all(select(UserRole.user_id).filter_by(role_name=ADMIN))
    assert await race.all(select(User.id).filter_by(email=FIRST_ADMINISTRATOR.email)) == [administrator]
    assert await race.all(select(AuditEvent.user_id).filter_by(event="administrator_created")) == [administrator]
