"""Faults, made on purpose."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2 as httpx
from fastapi import FastAPI
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from shared.container import Runtime
from tests.conftest import MakeApp, client_of


@contextmanager
def failing_commits(app: FastAPI, error: Exception | None = None) -> Iterator[list[Connection]]:
    """Let every COMMIT of the application fail; gives those that did."""
    runtime: Runtime = app.state.runtime
    engine = runtime.shared.database().engine.sync_engine
    failed: list[Connection] = []

    def fail(connection: Connection) -> None:
        failed.append(connection)
        raise error or OperationalError("COMMIT", {}, Exception("the connection was lost"))

    event.listen(engine, "commit", fail)
    try:
        yield failed
    finally:
        event.remove(engine, "commit", fail)


@asynccontextmanager
async def away(make_app: MakeApp, database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose database, of the same kind as this one, cannot be reached."""
    before = set(threading.enumerate())
    async with client_of(make_app(database_url=_unreachable(database))) as client:
        yield client
    # The thread of an SQLite connection that failed takes its leave of the event loop, which must still be there.
    for thread in set(threading.enumerate()) - before:
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join)


def _unreachable(database: str) -> str:
    if database.startswith("sqlite"):
        return "sqlite:////there/is/no/such/folder/app.db"
    kind = database.partition(":")[0]
    return f"{kind}://nobody:nothing@127.0.0.1:1/nowhere"
