"""Where the database stands, asked without Alembic: the service asks this, and does not load Alembic for it."""

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations.branches import Branches, module_of
from shared.container import MigrationState


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
