"""The lifespan of an application: its start, and its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy import URL

from shared.access.table import HOW_TO_MARK, AccessTable
from shared.application import part_of
from shared.assembly.draining import drain_at_the_end
from shared.assembly.migration_state import check_database
from shared.assembly.supervisor import fails_the_supervisor
from shared.assembly.workers import replaces_another
from shared.container import Runtime
from shared.events import ApplicationStarted
from shared.middleware.head_limits import SHUTDOWN_KEY, STATE_KEY, HeadLimits, bound_heads
from shared.settings.settings import SettingsError

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    runtime = part_of(app, Runtime)
    if unmarked := part_of(app, AccessTable).unmarked():
        log.warning("unmarked_routes", routes=unmarked, what_to_do=HOW_TO_MARK)
    settings = runtime.shared.settings()
    bound_heads()
    shutdown = runtime.shared.shutdown()
    drain_at_the_end(shutdown, delay=settings.drain_delay, timeout=settings.shutdown_timeout_seconds)
    try:
        async with _started(runtime):
            limits = HeadLimits(settings.max_head_bytes, settings.head_timeout_seconds)
            yield {STATE_KEY: limits, SHUTDOWN_KEY: shutdown}
    finally:
        await runtime.close()


@asynccontextmanager
async def _started(runtime: Runtime) -> AsyncIterator[None]:
    """Start, or raise. A worker that replaces another retries instead: its failure would end the whole service."""
    waiting = None
    try:
        await _start(runtime)
    except Exception as error:
        # A retry cannot mend settings.
        if isinstance(error, SettingsError) or not replaces_another():
            # The server prints a traceback of its own, in which the reason is hard to find.
            log.critical("cannot_start", reason=str(error))
            with fails_the_supervisor():
                raise
        waiting = asyncio.create_task(_start_later(runtime, str(error)))
    try:
        yield
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait([waiting])


async def _start(runtime: Runtime) -> None:
    if await check_database(runtime, upgrade):
        async with runtime.shared.database().transaction() as session:
            await runtime.shared.events().publish(ApplicationStarted(), session)


async def _start_later(runtime: Runtime, reason: str) -> None:
    log.error("waiting_to_start", reason=reason)
    while True:
        await asyncio.sleep(RETRY_SECONDS)
        try:
            await _start(runtime)
        except Exception as error:  # noqa: BLE001 - any fault may be temporary
            if str(error) != reason:
                reason = str(error)
                log.error("waiting_to_start", reason=reason)  # noqa: TRY400 - the reason says it
        else:
            log.warning("started_late")
            return


def upgrade(url: URL) -> None:
    from migrations.commands import upgrade  # noqa: PLC0415 - loads Alembic, which only development needs

    upgrade(url)


async def preflight(runtime: Runtime) -> None:
    """Refuse to start a server that could not serve; in development upgrade its database, unless that is ahead."""
    try:
        await check_database(runtime, upgrade, when=any)
    finally:
        await runtime.close()
