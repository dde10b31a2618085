"""Databases for the benchmarks: created, migrated by Alembic, and dropped."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from benchmarks.machine import pin_backends
from migrations.commands import upgrade
from shared.database.addresses import database_url, printable

POSTGRES, MARIADB, SQLITE = "postgresql", "mysql", "sqlite"
SERVERS = {
    POSTGRES: ("BENCH_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
    MARIADB: ("BENCH_MARIADB_URL", "mysql://root@127.0.0.1:3306/mysql"),
}


class ServerAway(Exception):
    """A database server cannot be used. The message says what to do."""


@contextmanager
def database(backend: str = POSTGRES, *, migrated: bool = True) -> Iterator[str]:
    """A database for the block; yields its address as a user would write it.

    Raises:
        ServerAway: There is no such server, or it does not let us create a database.
    """
    name = f"bench_{uuid4().hex[:12]}"
    if backend == SQLITE:
        with tempfile.TemporaryDirectory() as folder:
            yield _ready(f"sqlite:///{Path(folder) / name}.db", migrated=migrated)
        return
    variable, default = SERVERS[backend]
    server = make_url(os.environ.get(variable, default))
    address = server.set(database=name).render_as_string(hide_password=False)
    on_server = server.render_as_string(hide_password=False)
    try:
        execute(on_server, f"CREATE DATABASE {name}")
    except (DBAPIError, OSError) as error:
        where = printable(server)
        reason = str(error).splitlines()[0]
        raise ServerAway(f"{where} cannot be used: {reason}. Start it, or name another one: {variable}") from error
    try:
        yield _ready(address, migrated=migrated)
    finally:
        execute(on_server, f"DROP DATABASE {name}" + (" WITH (FORCE)" if backend == POSTGRES else ""))


def _ready(address: str, *, migrated: bool) -> str:
    if migrated:
        upgrade(database_url(address))
    return address


def execute(address: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements on a connection of their own; returns the rows of the last one."""
    return asyncio.run(_execute(address, statements))


async def _execute(address: str, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    engine = create_async_engine(database_url(address), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                result = await connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
            return rows
    finally:
        await engine.dispose()


def version(address: str) -> str:
    """The version that the server reports."""
    query = "SELECT sqlite_version()" if address.startswith(SQLITE) else "SELECT version()"
    return str(execute(address, query)[0][0])


def keep_off_the_servers_core(address: str) -> str | None:
    """Pin the processes that serve this PostgreSQL database now; returns the reason if that is not possible."""
    name = str(make_url(address).database)
    rows = execute(address, f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()")
    return pin_backends([pid for (pid,) in rows], name)
