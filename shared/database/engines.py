"""Creates the engines, with the settings that each database needs."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from shared.database.connect_arguments import connect_arguments, goes_through_pooler
from shared.database.packets import name_what_is_too_large
from shared.database.waits import (
    UNLIMITED,
    Waits,
    bound,
    give_up_connections_that_hang,
    mariadb_limits,
    postgres_limits,
)

IDLE_CHECK_SECONDS = 1

STATEMENT_METHODS = ("do_execute", "do_execute_no_params", "do_executemany", "do_commit", "do_rollback")
CONNECTION_METHODS = ("connect", "do_ping", "set_isolation_level", "reset_isolation_level")


def create_engine(url: URL, waits: Waits = UNLIMITED, **options: Any) -> AsyncEngine:
    """An engine with the settings every connection of this project needs. `options` go to SQLAlchemy."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        from shared.database import sqlite  # noqa: PLC0415 - two megabytes that a service on a server's database does not need

        waiting = sqlite.limits(waits) | options.pop("connect_args", {})
        options = {"connect_args": {"async_creator_fn": sqlite.connect} | waiting, **options}
    elif backend == "postgresql":
        connect_args = {"timeout": waits.connect, "command_timeout": waits.answer} | connect_arguments(url)
        options = {"connect_args": connect_args, "isolation_level": "READ COMMITTED", **options}
    else:
        from shared.database import mariadb  # noqa: PLC0415 - as above

        mariadb.take_rows_when_they_are_asked_for()
        defaults = {"connect_timeout": waits.connect, "charset": "utf8mb4", "password": url.password}
        connect_args = defaults | {"init_command": mariadb_limits(waits)} | connect_arguments(url)
        password = connect_args.pop("password")
        if password is not None:
            connect_args["password"] = password.encode()  # asyncmy would encode a string as Latin-1
        # MariaDB's REPEATABLE READ would keep showing a rotated session's old row inside a transaction.
        options = {"connect_args": connect_args, "isolation_level": "READ COMMITTED", **options}
    # hide_parameters: an SQL error's text would carry password hashes and addresses into the logs.
    engine = create_async_engine(url.set(query={}), hide_parameters=True, **options)
    event.listen(engine.sync_engine, "handle_error", _name_failed_statement)
    if backend == "sqlite":
        sqlite.configure_connections(engine.sync_engine)
        return engine
    # A time limit in the address comes before ours.
    bound(engine.dialect, connect_args.get("timeout", connect_args.get("connect_timeout")), CONNECTION_METHODS)
    give_up_connections_that_hang(engine.sync_engine)
    if backend == "postgresql":
        event.listen(engine.sync_engine, "do_connect", _connect_to_postgresql)
        if (limits := postgres_limits(waits)) and not goes_through_pooler(url):
            event.listen(engine.sync_engine, "connect", partial(_limit, limits, connect_args["timeout"]))
    else:  # asyncpg limits statements by itself; asyncmy would start a task for each answer
        bound(engine.dialect, waits.answer, STATEMENT_METHODS)
        name_what_is_too_large(engine.sync_engine, seconds=connect_args["connect_timeout"])
    return engine


def _name_failed_statement(context: ExceptionContext) -> None:
    # SQLAlchemy leaves it empty for COMMIT, ROLLBACK and fetching, which would look like a failure to connect.
    if context.connection is not None and isinstance(context.sqlalchemy_exception, StatementError):
        fetched = getattr(context.execution_context, "statement", None)
        context.sqlalchemy_exception.statement = context.statement or fetched or "COMMIT or ROLLBACK"


def _connect_to_postgresql(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
    # asyncpg, unlike the other drivers, raises OSError for an unknown host, a missing socket, a bad certificate.
    try:
        return dialect.connect(*arguments, **options)
    except OSError as error:
        raise dialect.loaded_dbapi.OperationalError(str(error) or type(error).__name__, error) from error


def _limit(limits: str, seconds: float, connection: Any, _record: object) -> None:
    # SET instead of connection parameters: PgBouncer refuses unknown ones, also in session mode.
    connection.run_async(lambda driver: driver.execute(limits, timeout=seconds))


def look_after_idle_connections(engine: Engine) -> None:
    """Replace connections that the server has closed.

    `pool_pre_ping` would ping at each checkout: with asyncpg three round trips, more than most requests need.
    """

    def check_after_rest(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        # The driver knows about a connection that the server closed; only a ping finds one that broke silently.
        has_ended: Callable[[], bool] = getattr(record.driver_connection, "is_closed", bool)
        now = time.monotonic()
        if has_ended() or (now - record.info.get("last_used", now) > IDLE_CHECK_SECONDS and not _answers(connection)):
            raise InvalidatePoolError
        record.info["last_used"] = now

    def _answers(connection: DBAPIConnection) -> bool:
        try:
            return engine.dialect.do_ping(connection)
        except (engine.dialect.loaded_dbapi.Error, TimeoutError):
            return False

    event.listen(engine, "checkout", check_after_rest)


def migration_engine(url: URL, *, lock_timeout: int) -> AsyncEngine:
    """An engine without a pool, for `alembic`. `lock_timeout` is in seconds, for SQLite."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": lock_timeout})
    event.listen(engine.sync_engine, "connect", _switch_foreign_keys_off)
    return engine


def _switch_foreign_keys_off(connection: DBAPIConnection, _record: object) -> None:
    # Alembic changes a table of SQLite by rebuilding it; dropping the old one would delete the rows that refer to it.
    connection.cursor().execute("PRAGMA foreign_keys=OFF")
