"""A program may run the migrations on a connection of its own."""

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from migrations.commands import INI
from shared.assembly.branches import read_branches
from shared.assembly.discovery import discover
from shared.assembly.migration_state import Migrations
from shared.container import MigrationState
from shared.database.addresses import database_url
from shared.database.engines import create_engine, migration_engine


def upgrade(connection: Connection) -> None:
    config = Config(INI)
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")


async def state_of(address: str) -> MigrationState:
    engine = migration_engine(database_url(address), lock_timeout=5)
    return await Migrations(read_branches(discover()), {})(engine)


async def test_the_owner_of_the_connection_decides_what_becomes_of_it(empty_database: str) -> None:
    engine = migration_engine(database_url(empty_database), lock_timeout=5)

    if engine.dialect.name != "mysql":  # MariaDB commits with each CREATE TABLE
        async with engine.connect() as connection, connection.begin() as transaction:
            await connection.run_sync(upgrade)
            await transaction.rollback()
        assert set((await state_of(empty_database)).values()) == {"pending"}

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    assert set((await state_of(empty_database)).values()) == {"applied"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_one_that_would_lose_rows_on_sqlite_is_refused(empty_database: str) -> None:
    engine = create_engine(database_url(empty_database))

    async with engine.connect() as connection:
        with pytest.raises(CommandError, match="switch foreign keys off"):
            await connection.run_sync(upgrade)
    await engine.dispose()
    assert set((await state_of(empty_database)).values()) == {"pending"}
