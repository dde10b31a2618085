"""Faults, made on purpose."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any

import httpx2 as httpx
from fastapi import FastAPI
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from shared.container import Runtime
from tests.conftest import MakeApp, client_of


@contextmanager
def failing_commits(app: FastAPI, error: Exception | None = None, *, after: int = 0) -> Iterator[list[Connection]]:
    """Let every COMMIT of the application fail, but for so many at first; gives those that did."""
    runtime: Runtime = app.state.runtime
    engine = runtime.shared.database().engine.sync_engine
    failed: list[Connection] = []
    commits = count()

    def fail(connection: Connection) -> None:
        if next(commits) < after:
            return
        failed.append(connection)
        raise error or OperationalError("COMMIT", {}, Exception("the connection was lost"))

    event.listen(engine, "commit", fail)
    try:
        yield failed
    finally:
        event.remove(engine, "commit", fail)


@contextmanager
def failing_statements(app: FastAPI, *, but: str | None = None) -> Iterator[None]:
    """The database is away for a while; it answers only statements with this word in them."""
    runtime: Runtime = app.state.runtime
    engine = runtime.shared.database().engine.sync_engine

    def fail(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if but is None or but not in statement:
            raise OperationalError(statement, {}, Exception("the connection was lost"))

    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", fail)


@asynccontextmanager
async def away(make_app: MakeApp, database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose database, of the same kind as this one, cannot be reached."""
    async with app_without_database(make_app, database) as app, client_of(app) as client:
        yield client


@asynccontextmanager
async def app_without_database(make_app: MakeApp, database: str, **values: Any) -> AsyncIterator[FastAPI]:
    before = set(threading.enumerate())
    yield make_app(database_url=_unreachable(database), **values)
    # The thread of an SQLite connection that failed takes its leave of the event loop, which must still be there.
    for thread in set(threading.enumerate()) - before:
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join)


def _unreachable(database: str) -> str:
    if database.startswith("sqlite"):
        return "sqlite:////there/is/no/such/folder/app.db"
    kind = database.partition(":")[0]
    return f"{kind}://nobody:nothing@127.0.0.1:1/nowhere"
