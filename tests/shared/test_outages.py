"""Whether the database failed or what was asked of it, by what each database itself says."""

import sqlite3
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from shared.database import Database
from shared.database.outages import failed_to_connect, means_database_is_away, what_to_do
from shared.database.packets import StatementTooLarge
from shared.http.exception_handlers import failure_of
from shared.logging.tracebacks import reason_of
from shared.testing.databases import available
from shared.testing.envelope import assert_failure
from tests.conftest import MakeApp
from tests.shared.packages import MakeModules, declaration

BUGS = [
    "SELECT no_such_column FROM users",
    "SELECT no_such_function()",
    "SELECT 1 FROM no_such_table",
    "SELEKT 1",
    "ALTER TABLE users ADD COLUMN email VARCHAR(10)",
    "CREATE TABLE users (id INTEGER)",
]
# Each server raises what it is told to.
RAISE = {
    "postgresql": "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{}'; END $$",
    "mysql": "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {}, MESSAGE_TEXT = 'raised'",
}
OUTAGES = {
    "postgresql": ("25006", "25P03", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "58030", "08006"),
    "mysql": (1021, 1030, 1040, 1053, 1114, 1158, 1205, 1213, 1226, 1290, 1317, 1927, 1969, 3024),
}
FAULTS = {
    "postgresql": ("22012", "42501", "42703", "42883", "54000", "55000", "P0001", "XX000"),
    "mysql": (1142, 1050, 1054, 1060, 1064, 1105, 1227, 1305, 1364, 4025),
}


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Database]:
    opened = Database(database)
    yield opened
    await opened.close()


async def error_of(opened: Database, *statements: str) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught:  # noqa: PT012 - any of them may be the one
        async with opened.transaction() as session:
            for statement in statements:
                await session.execute(text(statement))
    return caught.value


async def test_what_was_asked_wrongly_is_no_outage(opened: Database) -> None:
    assert [bug for bug in BUGS if means_database_is_away(await error_of(opened, bug))] == []


@pytest.mark.parametrize("backend", sorted(set(available()) & {"postgresql"}), indirect=True)
async def test_a_value_of_the_wrong_type_is_no_outage(opened: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with opened.read() as session:
            await session.execute(text("SELECT CAST(:number AS INTEGER)"), {"number": "word"})

    assert not means_database_is_away(caught.value)


@pytest.mark.parametrize("backend", sorted(set(available()) & set(RAISE)), indirect=True)
async def test_what_a_server_says_decides(opened: Database, backend: str) -> None:
    found = {code: await error_of(opened, RAISE[backend].format(code)) for code in OUTAGES[backend] + FAULTS[backend]}

    assert [code for code in OUTAGES[backend] if not means_database_is_away(found[code])] == []
    assert [code for code in FAULTS[backend] if means_database_is_away(found[code])] == []


REFUSALS = {
    "sqlite": (
        "CREATE TEMP TRIGGER no BEFORE UPDATE ON auth_roles BEGIN SELECT RAISE(ABORT, 'no'); END",
        "UPDATE auth_roles SET name = name",
    ),
    "postgresql": ("DO $$ BEGIN RAISE EXCEPTION 'no'; END $$",),
    "mysql": ("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'",),
}


async def test_what_a_trigger_refuses_is_a_conflict_like_a_broken_check(opened: Database, backend: str) -> None:
    assert failure_of(await error_of(opened, *REFUSALS[backend])).status == 409


@pytest.mark.parametrize("backend", sorted(set(available()) & set(RAISE)), indirect=True)
async def test_too_many_connections_are_no_wrong_address(opened: Database, backend: str) -> None:
    code = {"postgresql": "53300", "mysql": 1040}[backend]
    assert "DATABASE_POOL_SIZE" in what_to_do(await error_of(opened, RAISE[backend].format(code)))


LATE = """CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON auth_roles DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION late()"""


@pytest.mark.parametrize("backend", sorted(set(available()) & {"postgresql"}), indirect=True)
@pytest.mark.parametrize("bug", ["PERFORM 1 / 0", "PERFORM no_such_column"])
async def test_what_a_commit_brings_to_light_is_judged_like_any_statement(opened: Database, bug: str) -> None:
    late = f"CREATE FUNCTION late() RETURNS trigger AS $$ BEGIN {bug}; END $$ LANGUAGE plpgsql"
    error = await error_of(opened, late, LATE, "UPDATE auth_roles SET name = name")

    assert not means_database_is_away(error)
    assert "DATABASE_URL" not in what_to_do(error)
    assert "COMMIT" in reason_of(error)


KILL = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL {}"),
}


@pytest.mark.parametrize("backend", sorted(set(available()) & set(KILL)), indirect=True)
async def test_a_connection_that_is_lost_before_the_commit_is_no_wrong_address(opened: Database, backend: str) -> None:
    who, kill = KILL[backend]
    with pytest.raises(DBAPIError) as caught:  # noqa: PT012 - it is the end of the block that raises
        async with opened.transaction() as session:
            backend_id = await session.scalar(text(who))
            async with opened.read() as other:
                await other.execute(text(kill.format(backend_id)))

    assert means_database_is_away(caught.value)
    assert "DATABASE_URL" not in what_to_do(caught.value)


@pytest.mark.parametrize("backend", sorted(set(available()) & {"mysql"}), indirect=True)
async def test_what_is_more_than_mariadb_takes_at_once_is_no_outage(opened: Database) -> None:
    async with opened.read() as session:
        most = int(await session.scalar(text("SELECT @@max_allowed_packet")) or 0)
    for large in ("SELECT length(:text)", RAISE["mysql"].format(1153)):
        with pytest.raises(StatementTooLarge, match=f"max_allowed_packet, {most} bytes"):
            async with opened.transaction() as session:
                await session.execute(text(large), {"text": "x" * (most + 1)} if ":text" in large else {})

    assert failure_of(StatementTooLarge(2, 1)).status == 500
    await opened.ping()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_file_that_cannot_be_used_is_an_outage(opened: Database, database: str) -> None:
    write = "INSERT INTO auth_roles (name, description, is_builtin) VALUES (hex(randomblob(2000)), '', 0)"
    pages = "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 99) "
    full = write.replace("VALUES (hex(randomblob(2000)), '', 0)", "SELECT hex(randomblob(2000)), '', 0 FROM n")
    errors = [
        await error_of(opened, "PRAGMA query_only = ON", "DELETE FROM users"),
        await error_of(opened, "PRAGMA query_only = OFF", "PRAGMA max_page_count = 1", pages + full),
    ]
    with sqlite3.connect(str(make_url(database).database)) as other:
        other.execute("BEGIN IMMEDIATE")
        errors.append(await error_of(opened, "PRAGMA busy_timeout = 0", "COMMIT", "BEGIN IMMEDIATE"))
        other.rollback()

    assert [str(error.orig) for error in errors if not means_database_is_away(error)] == []


@pytest.mark.parametrize(
    "nowhere",
    [
        "postgresql://ada@no-such-host.invalid/app",
        "postgresql://ada@/app?host=/no/such/folder",
        "mysql://ada@no-such-host.invalid/app",
    ],
)
async def test_whatever_keeps_us_from_connecting_is_an_outage(nowhere: str) -> None:
    opened = Database(nowhere)
    with pytest.raises(OperationalError) as caught:
        await opened.ping()
    await opened.close()

    assert failed_to_connect(caught.value)
    assert means_database_is_away(caught.value)


ROUTER = """
from fastapi import APIRouter
from sqlalchemy import text
from shared.access import Public
from shared.database import Session
from shared.http import ApiResponse, success

router = APIRouter()

@router.post("/bugs", dependencies=[Public("for the tests")])
async def ask_wrongly(session: Session) -> ApiResponse[None]:
    await session.execute(text("SELECT no_such_column FROM users"))
    return success(None)
"""


@pytest.fixture
async def app(make_app: MakeApp, make_modules: MakeModules) -> FastAPI:
    return make_app(
        modules=make_modules({"shop/module.py": declaration(), "shop/router.py": ROUTER}, besides=("modules",))
    )


async def test_a_bug_is_a_500_and_in_the_log_with_its_traceback(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert_failure(await client.post("/api/shop/bugs"), 500, "internal_error")
    assert "'exc_info'" in caplog.text
    assert "unhandled_exception" in caplog.text
