"""The one database: its address, its engine, and the two ways to talk to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote_plus

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy import URL, Engine, Select, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.util import greenlet_spawn

from shared.prepared import Prepared
from shared.request import confirm_caller

if TYPE_CHECKING:
    from shared.sqlite import Lookups

ROOT = Path(__file__).resolve().parent.parent

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "mysql": "mysql+asyncmy"}
ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}

HIDDEN = "***"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONNECT_TIMEOUT_SECONDS = 5
POOL_TIMEOUT_SECONDS = 5
REST_SECONDS = 1
SQLITE_BUSY_SECONDS = 30


def database_url(address: str) -> URL:
    """The address with the async driver chosen: `postgresql://...`, `mysql://...`, `sqlite:///./app.db`.

    A relative SQLite path counts from the project's root, so that the application and `alembic` mean the same file
    from whichever folder they are started.

    Raises:
        ValueError: The address cannot be read, or names a database that is not supported. The text does not
            contain the address, which may hold a password.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise ValueError("cannot be read as a database address, such as postgresql://user:password@host/name") from None
    backend = url.get_backend_name()
    backend = ALIASES.get(backend, backend)
    if backend not in DRIVERS:
        raise ValueError(f"names the database {backend!r}; supported are {', '.join(DRIVERS)}")
    url = url.set(drivername=DRIVERS[backend])
    if backend == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(ROOT / url.database))
    return url


def printable(url: URL) -> str:
    """The address for a message. What stands behind the `?` is hidden, too: drivers take a password there."""
    hidden = url.set(query=dict.fromkeys(url.query, HIDDEN)).render_as_string(hide_password=True)
    return hidden.replace(quote_plus(HIDDEN), HIDDEN)


def create_engine(url: URL, **options: Any) -> AsyncEngine:
    """An engine with the settings every connection of this project needs. `options` go to SQLAlchemy."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        from shared import sqlite  # noqa: PLC0415 - two megabytes that a service on a server's database does not need

        waiting = {"timeout": SQLITE_BUSY_SECONDS} | options.pop("connect_args", {})
        options = {"connect_args": {"async_creator_fn": sqlite.connect} | waiting, **options}
    elif backend == "postgresql":
        options = {"connect_args": {"timeout": CONNECT_TIMEOUT_SECONDS}, "isolation_level": "READ COMMITTED", **options}
    else:
        connect_args: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "charset": "utf8mb4"}
        if url.password is not None:
            connect_args["password"] = url.password.encode()  # asyncmy would encode a string as Latin-1
        # MariaDB's REPEATABLE READ would keep showing a rotated session's old row inside a transaction.
        options = {"connect_args": connect_args, "isolation_level": "READ COMMITTED", **options}
    # hide_parameters: an SQL error's text would carry password hashes and addresses into the logs.
    engine = create_async_engine(url, hide_parameters=True, **options)
    if backend == "sqlite":
        sqlite.prepare(engine.sync_engine)
    return engine


def _look_after_idle_connections(engine: Engine) -> None:
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


class _Turns(asyncio.Semaphore):
    """As many as there are connections, in the order of arrival: at the pool itself newcomers overtake who waits."""

    def __init__(self, count: int, seconds: float) -> None:
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
    """A session that refuses to write: its connection commits by itself, statement by statement."""


@event.listens_for(_ReadSession, "before_flush")
def _refuse_to_write(_session: SyncSession, _context: object, _instances: object) -> None:
    raise RuntimeError("this session is for reading: write in a request that is not GET, or in database.transaction()")


def after_commit(session: AsyncSession, callback: Callable[[], None]) -> None:
    """Call once what the session is doing now is committed; never if that, or the savepoint it is in, is rolled back.

    The callback must not raise: what is committed cannot be taken back.
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
    if transaction.nested:  # a savepoint: now it depends on what is around it
        session.info.setdefault(transaction.parent, []).extend(callbacks)
        return
    for callback in callbacks:
        callback()


@event.listens_for(SyncSession, "after_transaction_end")
def _forget(session: SyncSession, transaction: SessionTransaction) -> None:
    session.info.pop(transaction, None)


class Database:
    """Opens sessions. There are two kinds, and nothing else in the project begins or commits."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        """`pool_size` is how many connections there are at most; whoever needs one more waits a little."""
        self.url = database_url(url)
        is_sqlite = self.url.get_backend_name() == "sqlite"
        # One connection that all share cannot be counted, and must not be closed.
        is_in_memory = is_sqlite and self.url.database in {None, "", ":memory:"}
        pool = {} if is_in_memory else {"pool_size": pool_size, "max_overflow": 0}
        # Most of what is asked only reads: that every statement commits by itself is a connection's natural state, and
        # who writes changes it. SQLite's driver has nothing to change: there, BEGIN is a statement as any other.
        self.engine = create_engine(
            self.url, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=not is_sqlite, **pool
        )
        _look_after_idle_connections(self.engine.sync_engine)
        self._lookups = _lookups(self.url) if is_sqlite and not is_in_memory else None
        self._turns = _Turns(pool_size, POOL_TIMEOUT_SECONDS)
        # SQLite has one writer at a time. The others of this process wait here, where they keep no connection busy.
        self._writers = _Turns(1, SQLITE_BUSY_SECONDS) if is_sqlite else nullcontext()
        writing = self.engine if is_sqlite else self.engine.execution_options(isolation_level="READ COMMITTED")
        self._sessions = async_sessionmaker(writing, expire_on_commit=False)
        reading = self.engine.execution_options(is_reading=True)
        self._reading = reading.sync_engine
        self._readers = async_sessionmaker(reading, expire_on_commit=False, sync_session_class=_ReadSession)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One unit of work: committed when the block ends, rolled back when it raises.

        Within a request it begins with a second look at the caller, see `confirm_caller`.
        """
        async with self._writers, self._turns, self._sessions.begin() as session:
            await confirm_caller(session)
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """For reading only, without the two round trips of a transaction; each statement sees the latest commit."""
        async with self._turns, self._readers() as session:
            yield session

    def prepare(self, statement: Select[Any]) -> Prepared:
        return Prepared(statement, self._reading)

    async def fetch(self, prepared: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a prepared statement, at a fifth of what a session costs; that is for whole objects.

        Only for what an index answers at once: on SQLite nothing else is done meanwhile.
        """
        if self._lookups is not None and (rows := self._lookups.ask(prepared, parameters)) is not None:
            return rows
        async with self._turns:
            return await greenlet_spawn(prepared, parameters)

    async def fetch_within(
        self, session: AsyncSession, prepared: Prepared, parameters: Mapping[str, Any]
    ) -> Sequence[Any]:
        """The same as a part of the session's transaction."""
        connection = (await session.connection()).sync_connection
        return await greenlet_spawn(prepared.within, connection, parameters)

    async def ping(self) -> None:
        """Raises whatever the driver raises if the database cannot be reached."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        if self._lookups is not None:
            self._lookups.close()
        await self.engine.dispose()


def _lookups(url: URL) -> "Lookups":
    from shared.sqlite import Lookups  # noqa: PLC0415 - as above

    return Lookups(str(url.database))


async def open_session(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """The session of a request: for reading when the method is safe, else one unit of work."""
    database: Database = connection.app.state.runtime.shared.database()
    is_reading = connection.scope.get("method") in SAFE_METHODS
    async with database.read() if is_reading else database.transaction() as session:
        yield session


# The function scope ends before the answer is sent. With the default one a COMMIT that fails would still answer 200.
Session = Annotated[AsyncSession, Depends(open_session, scope="function")]


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
