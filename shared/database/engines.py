"""The engines: what every connection of this project needs, on each database."""

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

ASKING = ("do_execute", "do_execute_no_params", "do_executemany", "do_commit", "do_rollback")
SETTING_UP = ("connect", "do_ping", "set_isolation_level", "reset_isolation_level")


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
    event.listen(engine.sync_engine, "handle_error", _name_what_failed)
    if backend == "sqlite":
        sqlite.configure_connections(engine.sync_engine)
        return engine
    # The address may know better how far away its server is.
    bound(engine.dialect, connect_args.get("timeout", connect_args.get("connect_timeout")), SETTING_UP)
    give_up_connections_that_hang(engine.sync_engine)
    if backend == "postgresql":
        event.listen(engine.sync_engine, "do_connect", _connect_to_postgresql)
        if (limits := postgres_limits(waits)) and not goes_through_pooler(url):
            event.listen(engine.sync_engine, "connect", partial(_limit, limits, connect_args["timeout"]))
    else:  # asyncpg bounds the rest by itself; asyncmy could, with a task for each answer
        bound(engine.dialect, waits.answer, ASKING)
        name_what_is_too_large(engine.sync_engine, seconds=connect_args["connect_timeout"])
    return engine


def _name_what_failed(context: ExceptionContext) -> None:
    # SQLAlchemy names no statement where a transaction ends or rows are fetched, as if there had been no connection.
    if context.connection is not None and isinstance(context.sqlalchemy_exception, StatementError):
        fetched = getattr(context.execution_context, "statement", None)
        context.sqlalchemy_exception.statement = context.statement or fetched or "COMMIT or ROLLBACK"


def _connect_to_postgresql(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
    # The other drivers do so by themselves: a name that nobody knows, a socket that is not there, a bad certificate.
    try:
        return dialect.connect(*arguments, **options)
    except OSError as error:
        raise dialect.loaded_dbapi.OperationalError(str(error) or type(error).__name__, error) from error


def _limit(limits: str, seconds: float, connection: Any, _record: object) -> None:
    # Not as parameters of the connection: PgBouncer refuses those it does not know, also in session mode.
    connection.run_async(lambda driver: driver.execute(limits, timeout=seconds))


def look_after_idle_connections(engine: Engine) -> None:
    """Replace a connection that the server has closed meanwhile.

    In place of `pool_pre_ping`, which asks at each checkout: with asyncpg that is three round trips, more than most
    requests need.
    """

    def check_after_rest(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        # A connection whose end has reached us says so; one that broke without a word is found by asking.
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
    """An engine that keeps no connection: what `alembic` uses. `lock_timeout` is in seconds, for SQLite."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": lock_timeout})
    event.listen(engine.sync_engine, "connect", _switch_foreign_keys_off)
    return engine


def _switch_foreign_keys_off(connection: DBAPIConnection, _record: object) -> None:
    # To change a table SQLite needs it rebuilt, and dropping the old one would delete the rows that refer to it.
    connection.cursor().execute("PRAGMA foreign_keys=OFF")
