"""Databases for tests, on every available server: created, copied and dropped."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, Table, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import NullPool

from shared.database.addresses import database_url
from shared.database.engines import create_engine
from shared.database.sessions import Database

SERVERS = {"postgresql": "TEST_POSTGRES_URL", "mysql": "TEST_MARIADB_URL"}


def available() -> list[str]:
    """SQLite always; PostgreSQL and MariaDB when their addresses are in the environment."""
    return ["sqlite", *(backend for backend, variable in SERVERS.items() if os.environ.get(variable))]


def server_address(backend: str) -> URL:
    return make_url(os.environ[SERVERS[backend]])


@contextmanager
def empty_database(backend: str, folder: Path) -> Iterator[str]:
    """A database without tables; yields its address as a user would write it."""
    name = f"test_{uuid4().hex[:16]}"
    if backend == "sqlite":
        file = folder / f"{name}.db"
        yield f"sqlite:///{file}"
        for leftover in folder.glob(f"{name}.db*"):
            leftover.unlink()
        return
    _on_server(backend, f"CREATE DATABASE {name}")
    try:
        yield server_address(backend).set(database=name).render_as_string(hide_password=False)
    finally:
        # A test may leave connections open when it fails; they must not keep the database.
        _on_server(backend, f"DROP DATABASE {name}" + (" WITH (FORCE)" if backend == "postgresql" else ""))


@contextmanager
def copied_database(backend: str, template: str, folder: Path) -> Iterator[str]:
    """A copy of the database `template`, which must have no connections; not for MariaDB, which cannot copy."""
    with empty_database(backend, folder) as address:
        if backend == "sqlite":
            shutil.copyfile(make_url(template).database or "", make_url(address).database or "")
        else:
            name, source = make_url(address).database, make_url(template).database
            _on_server(backend, f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE {source}")
        yield address


@contextmanager
def kept_rows(address: str, tables: Sequence[Table]) -> Iterator[list[str]]:
    """Keep the rows of a MariaDB database; yields the statements that restore them, and delete all others."""
    with empty_database("mysql", Path()) as kept:
        folder = make_url(kept).database
        filled = [table for table in tables if execute(address, f"SELECT 1 FROM {table.name} LIMIT 1")]
        execute(address, *(f"CREATE TABLE {folder}.{table.name} AS SELECT * FROM {table.name}" for table in filled))
        statements = ["SET FOREIGN_KEY_CHECKS = 0", *(f"DELETE FROM {table.name}" for table in tables)]
        for table in filled:
            columns = ", ".join(f"`{column.name}`" for column in table.columns if column.computed is None)
            statements.append(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {folder}.{table.name}")
        yield statements


@asynccontextmanager
async def open_session(address: str) -> AsyncIterator[AsyncSession]:
    """A session that its user may commit; the rest is rolled back."""
    database = _DatabaseOfATest(address)
    try:
        async with database.session() as session:
            yield session
    finally:
        await database.close()


class _DatabaseOfATest(Database):
    def session(self) -> AsyncSession:
        """A session that a test can commit in between, unlike a unit of work, which ends with its block."""
        session: AsyncSession = self._sessions()
        return session


def execute(address: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements on a connection of their own; returns the rows of the last one."""
    return asyncio.run(_execute(database_url(address), statements))


def _on_server(backend: str, *statements: str) -> None:
    address = server_address(backend)
    if backend == "postgresql" and not address.database:
        address = address.set(database="postgres")
    execute(address.render_as_string(hide_password=False), *statements)


async def _execute(url: URL, statements: tuple[str, ...]) -> list[tuple[object, ...]]:
    # is_reading: no BEGIN on SQLite, so that each statement commits by itself there, too.
    engine = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", execution_options={"is_reading": True}
    )
    try:
        async with engine.connect() as connection:
            rows: list[tuple[object, ...]] = []
            for statement in statements:
                result = await connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
            return rows
    finally:
        await engine.dispose()
