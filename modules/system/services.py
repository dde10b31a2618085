import structlog

from modules.system.errors import NotReady
from modules.system.schemas import Checks, Readiness
from shared.container import ReadMigrations
from shared.database import Database
from shared.schema import unusable

log = structlog.get_logger(__name__)


class ReadinessService:
    def __init__(self, database: Database, read_migrations: ReadMigrations) -> None:
        self._database = database
        self._read_migrations = read_migrations

    async def check(self) -> Readiness:
        """Ask the database whether it is there, and has what this code needs.

        Raises:
            NotReady: Naming the module branches that are behind, or too far ahead for this code. Merely ahead is ready:
                while a new version is rolled out, the old one serves on.
        """
        try:
            state = await self._read_migrations(self._database.engine)
        except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering, the service is not ready
            log.error("database_away", reason=type(error).__name__)  # noqa: TRY400 - asked every few seconds; no tracebacks
            raise NotReady("The database is away.", data={"checks": {"database": "away"}}) from None
        if modules := unusable(state):
            raise NotReady(
                "The database does not match the code: {modules}.",
                params={"modules": ", ".join(modules)},
                data={"checks": {"database": "ok", "migrations": state}},
            )
        return Readiness(checks=Checks(database="ok", migrations=state))
