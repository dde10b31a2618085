"""Whether the database is where the code is: asked without Alembic, which a service does not load for it."""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.addresses import printable
from shared.branches import Branches, module_of
from shared.container import MigrationState, Runtime

log = structlog.get_logger(__name__)


class StartupError(Exception):
    """The service must not start like this. The message says why and what to do."""


async def check_database(runtime: Runtime, upgrade: Callable[[URL], None]) -> bool:
    """Find a wrong address or an old schema now rather than at the first request.

    Production does not start. Development starts and says what is wrong; `upgrade` gives an empty database its tables.

    Returns:
        Whether the database can be used.
    """
    settings, database = runtime.shared.settings(), runtime.shared.database()
    address = printable(database.url)
    behind = None
    try:
        state = await runtime.shared.read_migrations()(database.engine)
        is_empty = all(status == "pending" for status in state.values())
        if settings.app_env == "development" and is_empty:
            await asyncio.to_thread(upgrade, database.url)
        else:
            behind = sorted(name for name, status in state.items() if status != "applied")
    except Exception as error:  # noqa: BLE001 - whatever it is, the database cannot be used
        fault = f"The database {address} cannot be used: {type(error).__name__}: {error}. Check DATABASE_URL."
        if settings.is_production:
            raise StartupError(fault) from None
        log.error("database_unusable", reason=fault)  # noqa: TRY400 - for the developer the traceback is noise
        return False
    if behind:
        fault = f"The database does not match the code in {', '.join(behind)}: run `alembic upgrade heads`."
        if settings.is_production:
            raise StartupError(fault)
        log.warning("database_not_upgraded", reason=fault)
    return not behind


async def migration_state(engine: AsyncEngine, branches: Branches) -> MigrationState:
    """Each module's branch: `applied`, `pending`, or `unknown` for revisions that the code does not have.

    It goes by the heads of the files, not by the rows: a head that another branch depends on has no row.
    """
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        rows = await connection.run_sync(_rows)
    applied = branches.applied(rows)
    state = {
        module: "applied" if all(head.id in applied for head in branches.heads(module)) else "pending"
        for module in branches.modules
    }
    return state | {module_of(row): "unknown" for row in rows if row not in branches}


def _rows(connection: Connection) -> list[str]:
    # Alembic's own way to ask would log two lines each time, and readiness is asked all day.
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.scalars(text("SELECT version_num FROM alembic_version")))
