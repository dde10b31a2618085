"""Detects a pooler such as PgBouncer in front of PostgreSQL, if the address does not announce it."""

from typing import Any

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from shared.database.connect_arguments import goes_through_pooler
from shared.database.engines import create_engine

TRIES = 3
BACKEND_PID = text("SELECT pg_backend_pid()")


class UnannouncedPooler(Exception):
    """Each transaction may get another connection of the database, and the address does not say so."""

    def __init__(self) -> None:
        super().__init__(
            "a pooler in transaction mode, such as PgBouncer, Supavisor or a provider's pooled address, is in between. "
            "Add pgbouncer=true to DATABASE_URL, as in postgresql://user:password@host/name?pgbouncer=true, or use the "
            "address that leads to the database itself"
        )


async def refuse_unannounced_pooler(url: URL) -> None:
    """Check before the first statement: with a pooler the driver's prepared statements would fail now and then.

    Raises:
        UnannouncedPooler: There is one in transaction mode. One in session mode needs no announcement.
    """
    if url.get_backend_name() != "postgresql" or goes_through_pooler(url):
        return
    # Connect as through a pooler, which works either way.
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
    """True if the backend that answers is the one that the handshake named; a pooler names itself there."""
    raw: Any = (await connection.get_raw_connection()).driver_connection
    return bool(await connection.scalar(BACKEND_PID) == raw.get_server_pid())


async def _refuse_shared_backends(one: AsyncConnection, other: AsyncConnection) -> None:
    """In session mode each connection keeps a backend of its own; in transaction mode they change, or share one."""
    for _ in range(TRIES):
        backends = {await one.scalar(BACKEND_PID) for _ in range(TRIES)}
        if len(backends) > 1 or await other.scalar(BACKEND_PID) in backends:
            raise UnannouncedPooler
