import asyncio
from functools import partial
from typing import Any

import httpx2 as httpx
import pytest

from migrations.commands import upgrade
from shared.assembly.branches import read_branches
from shared.assembly.discovery import discover
from shared.database.addresses import database_url
from shared.testing.databases import available, execute, server_address
from shared.testing.envelope import assert_failure, data_of
from tests.api.failing import away
from tests.conftest import MakeApp, client_of

BRANCHES = sorted({revision.module for revision in read_branches(discover()).values()})


@pytest.fixture
def make_app(make_app: MakeApp) -> MakeApp:
    """Of what the service says, not of how fast this machine is: a database that is slow is away, too."""
    return partial(make_app, readiness_timeout_seconds=30)


async def not_ready(make_app: MakeApp, address: str) -> dict[str, Any]:
    async with client_of(make_app(database_url=address)) as client:
        return assert_failure(await client.get("/api/ready"), 503, "not_ready")


async def test_the_service_is_ready_when_every_branch_is_applied(client: httpx.AsyncClient) -> None:
    ready = data_of(await client.get("/api/ready"))

    assert ready["status"] == "ready"
    assert ready["checks"]["database"] == "ok"
    assert ready["checks"]["migrations"] == dict.fromkeys(BRANCHES, "applied")


async def test_it_is_not_ready_while_the_database_is_away(make_app: MakeApp, database: str) -> None:
    async with away(make_app, database) as client:
        failure = assert_failure(await client.get("/api/ready"), 503, "not_ready")

    assert failure["data"] == {"checks": {"database": "away"}}
    for word in ("127.0.0.1", "nobody", "nothing", "such"):
        assert word not in str(failure)


async def test_an_empty_database_is_behind_in_every_branch(make_app: MakeApp, empty_database: str) -> None:
    failure = await not_ready(make_app, empty_database)

    assert failure["data"]["checks"] == {"database": "ok", "migrations": dict.fromkeys(BRANCHES, "pending")}
    assert ", ".join(BRANCHES) in failure["message"]


async def test_only_the_branch_that_is_behind_is_named(make_app: MakeApp, empty_database: str) -> None:
    await asyncio.to_thread(upgrade, database_url(empty_database), "users@head")

    failure = await not_ready(make_app, empty_database)

    assert failure["data"]["checks"]["migrations"] == dict.fromkeys(BRANCHES, "pending") | {"users": "applied"}
    assert "auth" in failure["message"]
    assert "users" not in failure["message"]


async def test_a_database_ahead_of_the_code_is_ready_and_says_so_once(
    make_app: MakeApp, empty_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(upgrade, database_url(empty_database))
    newer = "INSERT INTO alembic_version (version_num) VALUES ('billing_0a1b2c3d')"
    await asyncio.to_thread(execute, empty_database, newer)

    async with client_of(make_app(database_url=empty_database)) as client:
        ready = [data_of(await client.get("/api/ready")) for _ in range(3)]

    assert [one["checks"]["migrations"] for one in ready] == [
        dict.fromkeys(BRANCHES, "applied") | {"billing": "ahead"}
    ] * 3
    assert caplog.text.count("database_is_ahead") == 1


async def test_a_database_too_far_ahead_is_not_ready(make_app: MakeApp, empty_database: str) -> None:
    await asyncio.to_thread(upgrade, database_url(empty_database))
    marks = "CREATE TABLE alembic_breaking (version_num VARCHAR(32) NOT NULL)"
    rows = [
        f"INSERT INTO {table} (version_num) VALUES ('billing_0a1b2c3d')"
        for table in ("alembic_version", "alembic_breaking")
    ]
    await asyncio.to_thread(execute, empty_database, marks, *rows)

    failure = await not_ready(make_app, empty_database)
    assert failure["data"]["checks"]["migrations"]["billing"] == "incompatible"
    assert failure["message"] == "The database does not match the code: billing."


async def test_it_becomes_ready_without_a_restart(make_app: MakeApp, empty_database: str) -> None:
    async with client_of(make_app(database_url=empty_database)) as client:
        assert_failure(await client.get("/api/ready"), 503, "not_ready")
        await asyncio.to_thread(upgrade, database_url(empty_database))
        assert data_of(await client.get("/api/ready"))["status"] == "ready"


@pytest.mark.parametrize("backend", sorted(set(available()) - {"sqlite"}), scope="session")
async def test_a_database_that_does_not_exist_is_503_for_whoever_needs_it(make_app: MakeApp, backend: str) -> None:
    missing = server_address(backend).set(database="nowhere_at_all").render_as_string(hide_password=False)
    async with client_of(make_app(database_url=missing)) as client:
        login = {"email": "ada@example.com", "password": "seven purple tractors sing"}
        assert_failure(await client.post("/api/auth/login", json=login), 503, "unavailable")
        assert_failure(await client.get("/api/ready"), 503, "not_ready")


async def test_a_full_disk_is_not_ready(make_app: MakeApp, database: str) -> None:
    # No disk has so much room left.
    async with client_of(make_app(database_url=database, sqlite_minimum_free_bytes=2**62)) as client:
        answer = await client.get("/api/ready")

    if database.startswith("sqlite"):
        assert assert_failure(answer, 503, "not_ready")["data"]["checks"]["disk"] == "full"
    else:
        assert "disk" not in data_of(answer)["checks"], "a server's disk cannot be seen from here"
