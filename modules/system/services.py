import asyncio
from dataclasses import dataclass, field

import structlog

from modules.system.errors import NotReady
from modules.system.schemas import Checks, Readiness
from shared.container import MigrationState, ReadMigrations, unusable
from shared.database import Database
from shared.shutdown import Shutdown

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class ReadinessService:
    database: Database
    read_migrations: ReadMigrations
    shutdown: Shutdown
    minimum_free_bytes: int
    _asking: asyncio.Task[MigrationState] | None = field(default=None, init=False)

    async def check(self) -> Readiness:
        """Check that the database answers, and has the revisions that this code needs.

        Raises:
            NotReady: Naming the module branches that are behind, or too far ahead for this code. Merely ahead is ready:
                while a new version is rolled out, the old one continues to serve.
        """
        try:
            state = await self._ask()
        except Exception as error:  # noqa: BLE001 - after any error of the database the service is not ready
            log.error("database_away", reason=type(error).__name__)  # noqa: TRY400 - asked every few seconds; no tracebacks
            raise NotReady("The database is unavailable.", data={"checks": {"database": "away"}}) from None
        if modules := unusable(state):
            raise NotReady(
                "The database does not match the code: {modules}.",
                params={"modules": ", ".join(modules)},
                data={"checks": {"database": "ok", "migrations": state}},
            )
        free = await self.database.free_bytes()
        if free is not None and free < self.minimum_free_bytes:
            log.error("disk_full", free_bytes=free, minimum=self.minimum_free_bytes)
            checks = {"database": "ok", "migrations": state, "disk": "full"}
            raise NotReady("The database's disk is full.", data={"checks": checks})
        if self.shutdown.has_begun:
            raise NotReady("The service is about to stop.", data={"checks": {"database": "ok", "service": "draining"}})
        return Readiness(checks=Checks(database="ok", migrations=state))

    async def _ask(self) -> MigrationState:
        """The state of the migrations. Concurrent probes share one query, so that none pile up."""
        asking, limit = self._asking, self.database.waits.readiness
        if asking is None or asking.done():
            asking = self._asking = asyncio.create_task(self._state())
            asking.add_done_callback(_retrieve_exception)
        await asyncio.wait({asking}, timeout=limit)
        if not asking.done():  # giving up a connection that hangs takes another moment
            raise TimeoutError
        return asking.result()

    async def _state(self) -> MigrationState:
        async with asyncio.timeout(self.database.waits.readiness):
            return await self.read_migrations(self.database.probe)


def _retrieve_exception(asked: asyncio.Task[MigrationState]) -> None:
    # All probes may have given up, and asyncio would log an exception that was never retrieved.
    if not asked.cancelled():
        asked.exception()
