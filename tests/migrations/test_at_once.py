"""Several processes, one database: Alembic itself takes no lock."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from migrations.lock import migration_lock
from shared.assembly.branches import read_branches
from shared.assembly.discovery import discover
from shared.assembly.migration_state import Migrations
from shared.container import MigrationState
from shared.database.addresses import database_url
from shared.testing.databases import empty_database
from tests.migrations.commands import Checkout

PROCESSES = 4


@contextmanager
def locked(address: str) -> Iterator[None]:
    """As another process that is in the middle of an upgrade."""
    url = database_url(address)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    lock = migration_lock(create_async_engine(url, poolclass=NullPool), 1)
    with asyncio.Runner() as runner:
        runner.run(lock.__aenter__())
        try:
            yield
        finally:
            runner.run(lock.__aexit__(None, None, None))


def state_of(address: str) -> MigrationState:
    engine = create_async_engine(database_url(address), poolclass=NullPool)
    return asyncio.run(Migrations(read_branches(discover()), {})(engine))


def test_item_83_processes_that_upgrade_at_once_all_succeed_and_apply_each_revision_once(checkout: Checkout) -> None:
    branches = read_branches(discover())

    (newest,) = branches.heads("users")
    taken_back = {id_ for id_ in branches if newest.id in branches.applied([id_])}
    # First an empty database, then an old one.
    for revisions in (set(branches), taken_back):
        results = checkout.alembic_at_once(*[("upgrade", "heads")] * PROCESSES)

        output = "".join(result.stdout for result in results)
        assert [result.returncode for result in results] == [0] * PROCESSES, output
        assert {id_: output.count(f"-> {id_}") for id_ in branches} == {id_: int(id_ in revisions) for id_ in branches}
        assert set(state_of(checkout.database).values()) == {"applied"}
        checkout.alembic("downgrade", "users@-1")


def test_item_83_a_process_that_waits_too_long_says_what_it_waited_for(checkout: Checkout) -> None:
    checkout.variables = {"MIGRATION_LOCK_TIMEOUT": "1"}

    with locked(checkout.database):
        refusal = checkout.refusal("upgrade", "heads")
        if not checkout.database.startswith("sqlite"):
            checkout.alembic("current")  # looking needs no lock
    assert "Another process has kept this database locked for over 1 s" in refusal
    assert "MIGRATION_LOCK_TIMEOUT" in refusal
    assert set(state_of(checkout.database).values()) == {"pending"}

    checkout.alembic("upgrade", "heads")
    assert set(state_of(checkout.database).values()) == {"applied"}


def test_upgrades_of_two_databases_do_not_wait_for_each_other(backend: str, checkout: Checkout, tmp_path: Path) -> None:
    checkout.variables = {"MIGRATION_LOCK_TIMEOUT": "1"}

    with empty_database(backend, tmp_path) as other, locked(other):
        checkout.alembic("upgrade", "heads")
