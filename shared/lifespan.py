"""What happens between the start of an application and its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from sqlalchemy import URL

from shared.access_table import HOW_TO_MARK
from shared.container import Runtime
from shared.events import ApplicationStarted
from shared.head_limits import STATE_KEY, HeadLimits, bound_heads
from shared.schema import StartupError, check_database
from shared.settings import SettingsError

log = structlog.get_logger(__name__)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, HeadLimits]]:
    runtime: Runtime = app.state.runtime
    if unmarked := app.state.access.unmarked():
        log.warning("unmarked_routes", routes=unmarked, what_to_do=HOW_TO_MARK)
    settings = runtime.shared.settings()
    bound_heads()
    try:
        await _start(runtime)
        yield {STATE_KEY: HeadLimits(settings.max_head_bytes, settings.head_timeout_seconds)}
    finally:
        await runtime.close()


async def _start(runtime: Runtime) -> None:
    try:
        if await check_database(runtime, upgrade):
            async with runtime.shared.database().transaction() as session:
                await runtime.shared.events().publish(ApplicationStarted(), session)
    except (StartupError, SettingsError) as error:
        # The server prints a traceback of its own, in which the reason is hard to find.
        log.critical("cannot_start", reason=str(error))
        raise


def upgrade(url: URL) -> None:
    from migrations.commands import upgrade  # noqa: PLC0415 - loads Alembic, which only development needs

    upgrade(url)


async def preflight(runtime: Runtime) -> None:
    """Refuse to start a server that could not serve."""
    try:
        await check_database(runtime, upgrade)
    finally:
        await runtime.close()
