"""One process at a time: Alembic itself takes no lock, and two upgrades at once would run the same revision twice."""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from alembic.util import CommandError, msg
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import await_only

# An arbitrary constant: PostgreSQL's advisory locks are numbers, and they are per database.
POSTGRES_LOCK = 7_286_103_311
DDL_LOCK_TIMEOUT_SECONDS = 5
LOCK_NOT_AVAILABLE = "55P03"
LOCK_WAIT_TIMEOUT = 1205
CHANGE = re.compile(r"\s*(ALTER|DROP|RENAME|TRUNCATE|CREATE\s+(UNIQUE\s+)?INDEX)\b", re.IGNORECASE)
# The transaction that holds the lock is idle for as long as the migrations take. Not every version has each limit.
NO_LIMITS = """
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""


@asynccontextmanager
async def migration_lock(engine: AsyncEngine, wait_seconds: int) -> AsyncIterator[None]:
    """Hold the migration lock of this database for the block.

    On PostgreSQL it belongs to a transaction, which stays open on a connection of its own: a pooler in transaction mode
    cannot give that to others, and it ends with its client, killed or not. On MariaDB it belongs to a session. SQLite
    needs none here: a whole upgrade is one `BEGIN IMMEDIATE` transaction there, and the next process waits for it.

    Args:
        wait_seconds: How long to wait for another process to finish.

    Raises:
        CommandError: The other process was not done in time.
    """
    if engine.dialect.name == "sqlite":
        yield
        return
    is_postgres = engine.dialect.name == "postgresql"
    lock, level = (_lock_postgres, "READ COMMITTED") if is_postgres else (_lock_mysql, "AUTOCOMMIT")
    async with engine.execution_options(isolation_level=level).connect() as connection:
        if not await lock(connection, 0):
            msg(f"Another process is migrating this database; waiting up to {wait_seconds} s for it.")
            if not await lock(connection, wait_seconds):
                raise waited_too_long(wait_seconds)
        yield
        # The end of the transaction, and of the connection, releases the lock.


def waited_too_long(wait_seconds: int) -> CommandError:
    return CommandError(
        f"Another process has kept this database locked for over {wait_seconds} s. Nothing was changed here. "
        "Look at that process; MIGRATION_LOCK_TIMEOUT sets how long to wait."
    )


async def limit_ddl_waits(connection: AsyncConnection) -> None:
    """Let a migration give up when a table stays busy: all later queries would queue up behind it."""
    if connection.dialect.name == "postgresql":
        # For each transaction: a session's setting would stay on a connection that a pooler gives to others.
        event.listen(connection.sync_connection, "begin", _limit_lock_waits)
    elif connection.dialect.name == "mysql":
        await connection.execute(text(f"SET SESSION lock_wait_timeout = {DDL_LOCK_TIMEOUT_SECONDS}"))
        await connection.commit()
        if getattr(connection.dialect, "is_mariadb", False):  # MySQL has no SET STATEMENT
            event.listen(connection.sync_engine, "do_execute", _change_without_waiting)


def _limit_lock_waits(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{DDL_LOCK_TIMEOUT_SECONDS}s'")


def _change_without_waiting(cursor: Any, statement: str, parameters: Any, _context: object) -> bool:
    """Retry a change of a table without waiting for its lock, and only then wait.

    While a change waits, MariaDB aborts (1213) every transaction that has read the table and then writes to it.
    """
    if not CHANGE.match(statement):
        return False
    until = time.monotonic() + DDL_LOCK_TIMEOUT_SECONDS
    while (started := time.monotonic()) < until:
        try:
            cursor.execute(f"SET STATEMENT lock_wait_timeout = 0 FOR {statement.lstrip()}", parameters)
        except Exception as error:
            # A slow change would take as long again: it copies the table, and needs the lock only at the end.
            if error.args[0] != LOCK_WAIT_TIMEOUT:
                raise
            if time.monotonic() - started > 1:
                return False
            await_only(asyncio.sleep(0.01))
        else:
            return True
    return False  # SQLAlchemy executes it


async def _lock_postgres(connection: AsyncConnection, wait_seconds: int) -> bool:
    if not wait_seconds:
        await connection.execute(text(NO_LIMITS))
        return bool(await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK}))
    await connection.execute(text(f"SET LOCAL lock_timeout = '{wait_seconds}s'"))
    try:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


async def _lock_mysql(connection: AsyncConnection, wait_seconds: int) -> bool:
    # GET_LOCK counts for the whole server, and its names are at most 64 characters long.
    database = await connection.scalar(text("SELECT DATABASE()"))
    name = "migrations:" + hashlib.sha256(str(database).encode()).hexdigest()[:32]
    query = text("SELECT GET_LOCK(:name, :seconds)")
    return bool(await connection.scalar(query, {"name": name, "seconds": wait_seconds}))
