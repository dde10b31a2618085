"""Where the database stands, and bringing it up to date, for the application rather than the command line."""

from collections.abc import Iterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations.branches import Branches, module_of, read_branches, two_heads
from shared.container import MigrationState
from shared.discovery import Modules

INI = Path(__file__).resolve().parent.parent / "alembic.ini"


def upgrade(url: URL, destination: str = "heads") -> None:
    """Run `alembic upgrade`; not to be called from a running event loop."""
    config = Config(INI)
    config.attributes["url"] = url
    command.upgrade(config, destination)


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


def branch_faults(modules: Modules) -> Iterator[str]:
    """What is wrong with the branches and would go unnoticed.

    Two heads, a module without revisions, and whether Alembic sees what discovery sees: how it does leans on the way
    Alembic starts (see migrations/__init__.py).
    """
    branches = read_branches(modules)
    owners = modules.import_models()
    for name in modules:
        if fault := two_heads(branches, name):
            yield fault
        if name in owners.values() and not branches.of(name):
            yield f"module {name!r} has tables and no revision: run `alembic revision --autogenerate -m '...'`"
    seen = {script.revision for script in ScriptDirectory.from_config(Config(INI)).walk_revisions()}
    if seen != set(branches):
        yield f"Alembic and the modules' folders disagree about {', '.join(sorted(seen ^ set(branches)))}"
