"""The engines: what every connection of this project needs, on each database."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from shared.connect_arguments import connect_arguments

CONNECT_TIMEOUT_SECONDS = 5
REST_SECONDS = 1
SQLITE_BUSY_SECONDS = 30


def create_engine(url: URL, **options: Any) -> AsyncEngine:
    """An engine with the settings every connection of this project needs. `options` go to SQLAlchemy."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        from shared import sqlite  # noqa: PLC0415 - two megabytes that a service on a server's database does not need

        waiting = {"timeout": SQLITE_BUSY_SECONDS} | options.pop("connect_args", {})
        options = {"connect_args": {"async_creator_fn": sqlite.connect} | waiting, **options}
    elif backend == "postgresql":
        # Settings of a session must not be among these when `goes_through_pooler(url)`: PgBouncer refuses them.
        connect_args = {"timeout": CONNECT_TIMEOUT_SECONDS} | connect_arguments(url)
        options = {"connect_args": connect_args, "isolation_level": "READ COMMITTED", **options}
    else:
        defaults = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "charset": "utf8mb4", "password": url.password}
        connect_args = defaults | connect_arguments(url)
        password = connect_args.pop("password")
        if password is not None:
            connect_args["password"] = password.encode()  # asyncmy would encode a string as Latin-1
        # MariaDB's REPEATABLE READ would keep showing a rotated session's old row inside a transaction.
        options = {"connect_args": connect_args, "isolation_level": "READ COMMITTED", **options}
    # hide_parameters: an SQL error's text would carry password hashes and addresses into the logs.
    engine = create_async_engine(url.set(query={}), hide_parameters=True, **options)
    if backend == "sqlite":
        sqlite.prepare(engine.sync_engine)
    elif backend == "postgresql":
        event.listen(engine.sync_engine, "do_connect", _connect_to_postgresql)
    return engine


def _connect_to_postgresql(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
    # The other drivers do so by themselves: a name that nobody knows, a socket that is not there, a bad certificate.
    try:
        return dialect.connect(*arguments, **options)
    except OSError as error:
        raise dialect.loaded_dbapi.OperationalError(str(error) or type(error).__name__, error) from error


def look_after_idle_connections(engine: Engine) -> None:
    """Replace a connection that the server has closed meanwhile.

    In place of `pool_pre_ping`, which asks at each checkout: with asyncpg that is three round trips, more than most
    requests need.
    """

    def check_after_rest(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        # A connection whose end has reached us says so; one that broke without a word is found by asking.
        has_ended: Callable[[], bool] = getattr(record.driver_connection, "is_closed", bool)
        now = time.monotonic()
        if has_ended() or (now - record.info.get("last_used", now) > REST_SECONDS and not _answers(connection)):
            raise InvalidatePoolError
        record.info["last_used"] = now

    def _answers(connection: DBAPIConnection) -> bool:
        try:
            return engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
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
