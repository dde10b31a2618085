import structlog

from modules.system.errors import NotReady
from modules.system.schemas import Checks, Readiness
from shared.container import ReadMigrations
from shared.database import Database

log = structlog.get_logger(__name__)


class ReadinessService:
    def __init__(self, database: Database, read_migrations: ReadMigrations) -> None:
        self._database = database
        self._read_migrations = read_migrations

    async def check(self) -> Readiness:
        """Ask the database whether it is there and at the revisions of this code.

        Raises:
            NotReady: Naming the module branches that are behind, or ahead of the code.
        """
        try:
            state = await self._read_migrations(self._database.engine)
        except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering, the service is not ready
            log.error("database_away", reason=type(error).__name__)  # noqa: TRY400 - asked every few seconds; no tracebacks
            raise NotReady("The database is away.", data={"checks": {"database": "away"}}) from None
        behind = sorted(name for name, status in state.items() if status != "applied")
        if behind:
            raise NotReady(
                "The database does not match the code: {modules}.",
                params={"modules": ", ".join(behind)},
                data={"checks": {"database": "ok", "migrations": state}},
            )
        return Readiness(checks=Checks(database="ok", migrations=state))
