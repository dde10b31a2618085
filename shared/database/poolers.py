"""Whether there is a pooler such as PgBouncer between the service and PostgreSQL, and its address does not say so."""

from typing import Any

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from shared.database.connect_arguments import goes_through_pooler
from shared.database.engines import create_engine

TRIES = 3
WHO_ANSWERS = text("SELECT pg_backend_pid()")


class UnannouncedPooler(Exception):
    """Each transaction meets another connection of the database, and the driver has not been told."""

    def __init__(self) -> None:
        super().__init__(
            "a pooler in transaction mode, such as PgBouncer, Supavisor or a provider's pooled address, is in between. "
            "Add pgbouncer=true to DATABASE_URL, as in postgresql://user:password@host/name?pgbouncer=true, or use the "
            "address that leads to the database itself"
        )


async def refuse_unannounced_pooler(url: URL) -> None:
    """Find out before anything is asked: the statements that the driver keeps would fail now and then, later.

    Raises:
        UnannouncedPooler: There is one in transaction mode. In session mode there is nothing to tell the driver.
    """
    if url.get_backend_name() != "postgresql" or goes_through_pooler(url):
        return
    # As if there were one: whatever this asks works either way.
    engine = create_engine(
        url.update_query_dict({"pgbouncer": "true"}), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    try:
        async with engine.connect() as connection:
            if await _is_direct(connection):
                return
            async with engine.connect() as other:
                await _refuse_shared_backends(connection, other)
    finally:
        await engine.dispose()


async def _is_direct(connection: AsyncConnection) -> bool:
    """Who answers is who introduced itself when the connection was made; a pooler introduces itself."""
    raw: Any = (await connection.get_raw_connection()).driver_connection
    return bool(await connection.scalar(WHO_ANSWERS) == raw.get_server_pid())


async def _refuse_shared_backends(one: AsyncConnection, other: AsyncConnection) -> None:
    """A connection in session mode keeps its backend for itself; else it meets others, or others meet that."""
    for _ in range(TRIES):
        met = {await one.scalar(WHO_ANSWERS) for _ in range(TRIES)}
        if len(met) > 1 or await other.scalar(WHO_ANSWERS) in met:
            raise UnannouncedPooler
