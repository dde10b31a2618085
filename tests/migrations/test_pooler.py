"""PgBouncer in transaction mode: `alembic` and the service work through it, or say at once what to set."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from bootstrap import create_app
from migrations.commands import upgrade
from shared.assembly.migration_state import StartupError, check_database
from shared.database import Database
from shared.database.addresses import database_url
from shared.database.outages import means_database_is_away
from shared.database.poolers import UnannouncedPooler, refuse_unannounced_pooler
from shared.database.waits import Waits
from shared.project import ROOT
from shared.testing.databases import empty_database, execute, server_address
from tests.conftest import client_of, module_settings, settings_for, sign_up
from tests.migrations.commands import Checkout, ForkServer
from tests.servers import Running, open_folder, pgbouncer

pytestmark = pytest.mark.servers

LOCKS = (
    "SELECT pid FROM pg_locks JOIN pg_database ON database = pg_database.oid "
    "WHERE locktype = 'advisory' AND datname = current_database()"
)
WHAT_TO_DO = "Add pgbouncer=true to DATABASE_URL"
REQUESTS = 200

HOLD = """
import asyncio, sys
from migrations.lock import migration_lock
from shared.database.addresses import database_url
from shared.database.engines import migration_engine

async def hold():
    async with migration_lock(migration_engine(database_url(sys.argv[1]), lock_timeout=1), 1):
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


@contextmanager
def pooled(mode: str = "transaction", *, role: str | None = None) -> Iterator[tuple[Running, str]]:
    """PgBouncer, and the address that leads past it, to an empty database."""
    with (
        open_folder() as folder,
        empty_database("postgresql", folder) as address,
        pgbouncer(
            folder, make_url(address).set(username=role) if role else make_url(address), mode=mode, pool_size=8
        ) as pooler,
    ):
        yield pooler, address


@pytest.fixture
def pooler() -> Iterator[tuple[Running, str]]:
    with pooled() as both:
        yield both


def test_alembic_works_through_it_again_and_again(
    pooler: tuple[Running, str], server_for: Callable[[Path], ForkServer]
) -> None:
    through, direct = pooler
    checkout = Checkout(ROOT, through.address(pgbouncer="true"), server_for=server_for)

    for command in ("upgrade heads", "upgrade heads", "check", "current", "downgrade users@base"):
        checkout.alembic(*command.split())
    results = checkout.alembic_at_once(*[("upgrade", "heads")] * 3)

    assert [result.returncode for result in results] == [0] * 3, "".join(result.stdout for result in results)
    assert execute(direct, LOCKS) == []
    assert {execute(through.address(pgbouncer="true"), "SHOW lock_timeout")[0] for _ in range(8)} == {("0",)}
    # Somebody else's upgrade, past the pooler, does not wait.
    checkout.database, checkout.variables = direct, {"MIGRATION_LOCK_TIMEOUT": "1"}
    checkout.alembic("upgrade", "heads")


@pytest.mark.parametrize("is_pooled", [True, False], ids=["through PgBouncer", "directly"])
def test_a_process_that_is_killed_leaves_no_lock(pooler: tuple[Running, str], is_pooled: bool) -> None:
    through, direct = pooler
    address = through.address(pgbouncer="true") if is_pooled else direct
    holder = subprocess.Popen([sys.executable, "-c", HOLD, address], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    held = execute(direct, LOCKS)
    holder.kill()
    holder.communicate()

    upgrade(database_url(address))  # waits for the server to notice

    assert len(held) == 1
    assert execute(direct, LOCKS) == []


async def test_the_service_serves_through_it(pooler: tuple[Running, str]) -> None:
    through, direct = pooler
    await asyncio.to_thread(upgrade, database_url(direct))
    app = create_app(settings_for(through.address(pgbouncer="true")), module_settings=module_settings())
    async with client_of(app) as client:
        account = await sign_up(client)
        me = "/api/users/me"
        reading = [client.get(me, headers=account.headers) for _ in range(REQUESTS)]
        writing = [
            client.patch(me, headers=account.headers, json={"nickname": f"Ada {n}"}) for n in range(REQUESTS // 10)
        ]
        answers = await asyncio.gather(*reading, *writing)
        ready = await client.get("/api/ready")
    await app.state.runtime.close()

    assert {answer.status_code for answer in (*answers, ready)} == {200}


async def test_without_the_option_it_is_said_at_once(pooler: tuple[Running, str]) -> None:
    through, direct = pooler
    await asyncio.to_thread(upgrade, database_url(direct))
    app = create_app(settings_for(through.address(), app_env="production"), module_settings=module_settings())

    with pytest.raises(StartupError, match=WHAT_TO_DO):
        await check_database(app.state.runtime, upgrade)
    await app.state.runtime.close()
    for _ in range(10):
        with pytest.raises(UnannouncedPooler):
            await refuse_unannounced_pooler(database_url(through.address()))
    with pytest.raises(StartupError, match=WHAT_TO_DO):
        await asyncio.to_thread(upgrade, database_url(through.address()))


@pytest.fixture
def in_session_mode() -> Iterator[tuple[Running, str]]:
    with pooled("session") as both:
        yield both


async def test_in_session_mode_nothing_need_be_said(in_session_mode: tuple[Running, str]) -> None:
    through, direct = in_session_mode
    for address in (direct, through.address(), through.address(pgbouncer="true")):
        await asyncio.to_thread(upgrade, database_url(address))  # would refuse
        app = create_app(settings_for(address, app_env="production"), module_settings=module_settings())
        await check_database(app.state.runtime, upgrade)  # likewise
        async with client_of(app) as client:
            assert (await client.get("/api/ready")).status_code == 200
        await app.state.runtime.close()

    assert means_database_is_away(
        await end_of_a_long_statement(Database(through.address(), waits=Waits(statement=0.2)))
    )


@pytest.fixture
def role() -> Iterator[str]:
    """A role whose own limit is short."""
    name, server = f"test_{uuid4().hex[:16]}", server_address("postgresql").render_as_string(hide_password=False)
    execute(server, f"CREATE ROLE {name} LOGIN", f"ALTER ROLE {name} SET statement_timeout = '200ms'")
    yield name
    execute(server, f"DROP ROLE {name}")


@pytest.fixture
def for_a_role(role: str) -> Iterator[Running]:
    with pooled(role=role) as (through, _):
        yield through


async def test_in_transaction_mode_the_limits_of_the_role_hold(for_a_role: Running) -> None:
    assert means_database_is_away(await end_of_a_long_statement(Database(for_a_role.address(pgbouncer="true"))))


async def end_of_a_long_statement(database: Database) -> DBAPIError:
    with pytest.raises(DBAPIError, match="statement timeout") as caught:
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_sleep(3600)"))
    await database.ping()
    await database.close()
    return caught.value
