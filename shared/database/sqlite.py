"""SQLite is embedded: its locks, threads and PRAGMAs are ours to manage."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Any, Self

import aiosqlite
from sqlalchemy import Connection, Engine, event

from shared.database.prepared import PreparedQuery
from shared.database.waits import Waits

RETRY_SECONDS = 0.01
CHUNK = 256
"""The rows that are fetched at once; more than a page has."""
EVER_SECONDS = 86_400

IS_READING = "is_reading"
"""The execution option of an engine whose connections never write."""


class _Cursor(aiosqlite.Cursor):
    """Opens, executes, fetches and closes in one call to the connection's thread, if the rows fit a chunk.

    Each such call takes longer than most queries. SQLAlchemy reads further rows all at once, or chunk by chunk if they
    are streamed.
    """

    description: Any = None
    rowcount = -1
    lastrowid: int | None = None

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self._opened: sqlite3.Cursor | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        return await self._run("execute", sql, parameters)

    async def executemany(self, sql: str, parameters: Any) -> Self:
        return await self._run("executemany", sql, parameters)

    async def fetchone(self) -> Any:
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        size = CHUNK if size is None else size
        if len(self._rows) < size:
            await self._read(max(size, CHUNK))
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchall(self) -> list[Any]:
        await self._read(None)
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []
        if self in self._connection.reading:
            await self._connection.run(self.end)

    def end(self, _connection: object = None) -> None:
        """Close the cursor, so that reading on raises: this is not the end of the rows."""
        self._connection.reading.discard(self)
        if self._opened is not None:
            self._opened.close()

    async def _read(self, size: int | None) -> None:
        if self._opened is not None:
            await self._connection.run(partial(self._take, size))

    async def _run(self, method: str, sql: str, parameters: Any) -> Self:
        def on_the_thread(connection: sqlite3.Connection) -> None:
            self._opened = connection.cursor()
            try:
                getattr(self._opened, method)(sql, parameters)
            except BaseException as error:
                self.end()
                if isinstance(error, OverflowError | UnicodeEncodeError):
                    # The driver passes on Python's own error, for a number beyond 64 bits or half a surrogate pair.
                    raise sqlite3.DataError(type(error).__name__) from None
                raise
            self._take(CHUNK)

        await self._connection.run(on_the_thread)
        return self

    def _take(self, size: int | None, _connection: object = None) -> None:
        cursor = self._opened
        if cursor is None:
            return
        more: list[Any] = []
        try:
            if cursor.description:
                more = cursor.fetchall() if size is None else cursor.fetchmany(size)
        finally:
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
            self._rows += more
            if len(more) == size:
                self._connection.reading.add(self)
            else:
                # Close at once: if the cursor is freed on the event loop's thread, with an exception that refers to it,
                # the loop waits for the connection's next statement to end.
                self.end()
                self._opened = None


class _Connection(aiosqlite.Connection):
    statement_limit: float | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.reading: set[_Cursor] = set()
        """Cursors with more rows. Until they are closed, the connection reads an old snapshot."""

    async def run(self, function: Callable[[sqlite3.Connection], Any]) -> Any:
        """Interrupt the statement on cancellation and when it takes too long: its thread would not stop otherwise."""
        connection, limit = self._conn, self.statement_limit
        timer = None if limit is None else asyncio.get_running_loop().call_later(limit, connection.interrupt)
        try:
            return await self._execute(function, connection)  # type: ignore[no-untyped-call]  # theirs has no types
        except asyncio.CancelledError:
            connection.interrupt()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def cursor(self) -> _Cursor:  # type: ignore[override]  # theirs is awaited, ours is not opened yet
        return _Cursor(self)

    async def commit(self) -> None:
        await self._stop_reading()
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        await self._stop_reading()
        if self.in_transaction:
            await super().rollback()

    async def _stop_reading(self) -> None:
        for cursor in list(self.reading):
            await self.run(cursor.end)


def _open(database: str, **options: Any) -> sqlite3.Connection:
    # SQLite would create a file that every user of the machine can read; its other files inherit the mode of this one.
    if database and not database.startswith((":memory:", "file:")):
        with suppress(OSError):  # it exists, or cannot be created: then SQLite says so
            os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection: sqlite3.Connection = sqlite3.connect(database, **options)
    _write_ahead(connection, options.get("timeout", 0))
    return connection


def _write_ahead(connection: sqlite3.Connection, seconds: float) -> None:
    """Switch to write-ahead logging, so that readers and a writer do not block each other.

    A new file is switched once. If several processes do so at the same time, SQLite refuses all but one at once,
    whatever their timeout.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(RETRY_SECONDS)  # this is the connection's own thread
        else:
            return


def limits(waits: Waits) -> dict[str, float | None]:
    """The limits as arguments of `connect`."""
    return {"timeout": EVER_SECONDS if waits.lock is None else waits.lock, "statement_limit": waits.statement}


async def connect(database: str, *, statement_limit: float | None = None, **options: Any) -> aiosqlite.Connection:
    """For SQLAlchemy, as `async_creator_fn`."""
    connection = _Connection(lambda: _open(database, **options), iter_chunk_size=64)
    connection.statement_limit = statement_limit
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: an open connection must not keep a process alive
    return await connection


class Lookups:
    """A connection for the event loop's own thread, for queries that an index answers at once.

    A call to another thread takes ten times as long as such a query.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._opened: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        if self._opened is None:
            # It never waits for a lock, which would block the event loop.
            self._opened = sqlite3.connect(self._file, timeout=0, isolation_level=None, check_same_thread=False)
            self._opened.execute("PRAGMA query_only=ON")
            self._opened.create_function("lower", 1, _lower, deterministic=True)
        return self._opened

    def ask(self, prepared: PreparedQuery, parameters: Mapping[str, Any]) -> Sequence[Any] | None:
        """The rows; None on any error of SQLite, such as a lock: the caller then uses the pool."""
        try:
            with closing(self.connection.cursor()) as cursor:
                return prepared.on(cursor, parameters)
        except sqlite3.Error:
            return None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def configure_connections(engine: Engine) -> None:
    """Make every connection of the engine safe for several readers and one writer at a time."""
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin_immediate)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    # FULL (SQLite's default, written out because it matters): an acknowledged write survives a power failure.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
    # SQLite's own lower() leaves everything but A-Z as it is; the other databases do not.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _begin_immediate(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another writer was faster, whatever the
    # busy timeout; one that announces itself as a writer waits its turn.
    if not connection.get_execution_options().get(IS_READING):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
