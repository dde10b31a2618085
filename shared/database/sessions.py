"""The database: its address, its engine, and its two kinds of sessions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy import URL, Connection, Select, event, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.util import greenlet_spawn

from shared.application import part_of
from shared.context import confirm_caller, current_request
from shared.database.addresses import database_url
from shared.database.engines import create_engine, look_after_idle_connections
from shared.database.prepared import PreparedQuery
from shared.database.streams import StreamingSession
from shared.database.waits import Waits

if TYPE_CHECKING:
    from shared.database.sqlite import Lookups

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class _FairSemaphore(asyncio.Semaphore):
    """A fair queue for connections: at SQLAlchemy's pool new requests overtake waiting ones."""

    def __init__(self, count: int, seconds: float | None) -> None:
        super().__init__(count)
        self._seconds = seconds

    async def acquire(self) -> Literal[True]:
        if not self.locked():
            return await super().acquire()
        try:
            async with asyncio.timeout(self._seconds):
                return await super().acquire()
        except TimeoutError:
            raise PoolTimeoutError(f"no connection became free within {self._seconds} seconds") from None


class _ReadSession(SyncSession):
    """A session that refuses to write: its connection commits each statement by itself."""


@event.listens_for(_ReadSession, "before_flush")
def _refuse_to_write(_session: SyncSession, _context: object, _instances: object) -> None:
    raise RuntimeError("this session is for reading: write in a request that is not GET, or in database.transaction()")


def after_commit(session: AsyncSession, callback: Callable[[], None]) -> None:
    """Call back once the current transaction is committed; never if it, or the current savepoint, is rolled back.

    The callback must not raise: a commit cannot be undone.
    """
    sync = session.sync_session
    transaction = sync.get_nested_transaction() or sync.get_transaction()
    if transaction is None or isinstance(sync, _ReadSession):
        raise RuntimeError("there is no transaction that could be committed: use database.transaction()")
    sync.info.setdefault(transaction, []).append(callback)


@event.listens_for(SyncSession, "after_commit")
def _call_back(session: SyncSession) -> None:
    transaction = session.get_nested_transaction() or session.get_transaction()
    if transaction is None or (callbacks := session.info.pop(transaction, None)) is None:
        return
    if transaction.nested:  # a savepoint: now the transaction around it decides
        session.info.setdefault(transaction.parent, []).extend(callbacks)
        return
    for callback in callbacks:
        callback()


@event.listens_for(SyncSession, "after_transaction_end")
def _forget(session: SyncSession, transaction: SessionTransaction) -> None:
    session.info.pop(transaction, None)
    if transaction.parent is None:
        current_request.get().is_committing = False


def _commit_together(connection: Connection) -> None:
    # An option of the engine would lose the connection if the request is cancelled in the middle of it.
    try:
        connection.execution_options(isolation_level="READ COMMITTED")
    except BaseException:
        connection.invalidate()
        connection.close()
        raise


def _begin_commit(_connection: Connection) -> None:
    current_request.get().is_committing = True


@asynccontextmanager
async def _streams_ended(session: StreamingSession) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await session.end_streams()


class Database:
    """Opens sessions, of two kinds. Nothing else in the project begins or commits."""

    def __init__(self, url: str, *, pool_size: int = 10, waits: Waits = Waits()) -> None:  # noqa: B008 - it is frozen
        """`pool_size` is the largest number of connections; more requests wait, at most `waits.pool` seconds."""
        self.url, self.waits = database_url(url), waits
        is_sqlite = self.url.get_backend_name() == "sqlite"
        # A database in memory has a single connection, which all share: no pool, and it must not be closed.
        is_in_memory = is_sqlite and self.url.database in {None, "", ":memory:"}
        self._file = Path(str(self.url.database)) if is_sqlite and not is_in_memory else None
        pool = {} if is_in_memory else {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": waits.pool}
        # Connections default to AUTOCOMMIT, as most requests only read; transactions switch it off. SQLite's driver has
        # nothing to switch: there, BEGIN is a statement like any other.
        autocommit = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": not is_sqlite}
        self.engine = create_engine(self.url, waits, **autocommit, **pool)
        look_after_idle_connections(self.engine.sync_engine)
        event.listen(self.engine.sync_engine, "commit", _begin_commit)
        # The readiness probe has a connection of its own, as all others may be busy, and short limits.
        short = replace(waits, connect=waits.readiness, statement=waits.readiness, lock=waits.readiness)
        one = pool | {"pool_size": 1}
        self.probe = self.engine if is_in_memory else create_engine(self.url, short, **autocommit, **one)
        look_after_idle_connections(self.probe.sync_engine)
        self._lookups = _lookups(self.url) if self._file else None
        self._turns = _FairSemaphore(pool_size, waits.pool)
        # SQLite has one writer at a time. The others of this process wait here, without occupying a connection.
        self._writers = _FairSemaphore(1, waits.lock) if is_sqlite else nullcontext()
        self._transaction_limit = waits.idle_in_transaction if is_sqlite else None
        writing = self.engine.execution_options()
        if not is_sqlite:
            event.listen(writing.sync_engine, "engine_connect", _commit_together)
        # A closed session refuses to be used: it would take a connection that nothing gives back.
        options: dict[str, Any] = {"expire_on_commit": False, "close_resets_only": False}
        self._sessions = async_sessionmaker(writing, class_=StreamingSession, **options)
        reading = self.engine.execution_options(is_reading=True)
        self._reading = reading.sync_engine
        options["sync_session_class"] = _ReadSession
        self._readers = async_sessionmaker(reading, class_=StreamingSession, **options)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One unit of work: committed when the block ends, rolled back when it raises.

        Within a request it begins by checking the caller again, see `confirm_caller`.
        """
        # `self._sessions.begin()` would continue with the commit after a cancellation.
        async with self._writers, self._turns, self._sessions() as session, session.begin():
            async with asyncio.timeout(self._transaction_limit):
                await confirm_caller(session)
                async with _streams_ended(session):
                    yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """For reading only, without the two round trips of a transaction; each statement sees the latest commit."""
        async with self._turns, self._readers() as session, _streams_ended(session):
            yield session

    def prepare(self, statement: Select[Any]) -> PreparedQuery:
        return PreparedQuery(statement, self._reading)

    async def fetch(self, prepared: PreparedQuery, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a prepared query, at a fifth of a session's cost; whole objects need a session.

        Only for queries that an index answers at once: on SQLite they run on the event loop's thread.
        """
        if self._lookups is not None and (rows := self._lookups.ask(prepared, parameters)) is not None:
            return rows
        async with self._turns:
            return await greenlet_spawn(prepared, parameters)

    async def fetch_within(
        self, session: AsyncSession, prepared: PreparedQuery, parameters: Mapping[str, Any]
    ) -> Sequence[Any]:
        """Like `fetch`, within the session's transaction."""
        connection = (await session.connection()).sync_connection
        return await greenlet_spawn(prepared.within, connection, parameters)

    async def free_bytes(self) -> int | None:
        """The free space on the disk of a SQLite file; None for a server, whose disk cannot be seen from here."""
        if self._file is None:
            return None
        return (await asyncio.to_thread(disk_usage, self._file.parent)).free

    async def ping(self) -> None:
        """Raises the driver's exception if the database cannot be reached."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        if self._lookups is not None:
            self._lookups.close()
        await self.engine.dispose()
        await self.probe.dispose()


def _lookups(url: URL) -> "Lookups":
    from shared.database.sqlite import Lookups  # noqa: PLC0415 - as above

    return Lookups(str(url.database))


async def open_session(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """The session of a request: for reading when the method is safe, else one unit of work."""
    database = _database(connection)
    is_reading = connection.scope.get("method") in SAFE_METHODS
    async with database.read() if is_reading else database.transaction() as session:
        yield session


# The function scope ends before the answer is sent. With the default one a COMMIT that fails would still answer 200.
Session = Annotated[AsyncSession, Depends(open_session, scope="function")]


def _database(connection: HTTPConnection) -> Database:
    return part_of(connection.app, Database)


Sessions = Annotated[Database, Depends(_database)]
"""For websockets and streams: they open short sessions with it, and hold none in between."""
