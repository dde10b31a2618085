"""Whether the database is where the code is: asked without Alembic, which a service does not load for it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog
from sqlalchemy import URL, Connection, column, inspect, select
from sqlalchemy import table as table_named
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.assembly.branches import Branches, module_of
from shared.container import MigrationState, Runtime
from shared.database.addresses import printable
from shared.database.models import Base
from shared.database.outages import what_to_do
from shared.database.poolers import refuse_unannounced_pooler

log = structlog.get_logger(__name__)

VERSIONS = table_named("alembic_version", column("version_num"))
# The applied revisions that older code cannot work with; there as soon as there is one. See migrations/breaking.py.
BREAKING = "alembic_breaking"


class StartupError(Exception):
    """The service must not start like this. The message says why and what to do."""


async def check_database(
    runtime: Runtime, upgrade: Callable[[URL], None], *, when: Callable[[Iterable[bool]], bool] = all
) -> bool:
    """Find a wrong address or an old schema now rather than at the first request.

    Production does not start. Development starts and says what is wrong; it lets `upgrade` do what is pending, `when`
    all modules are: an empty database gets its tables. With `any`, one that is behind is upgraded, too.

    Returns:
        Whether the database can be used.

    Raises:
        StartupError: Production cannot work with this database, or development's `upgrade` has refused.
    """
    settings, database = runtime.shared.settings(), runtime.shared.database()
    address = printable(database.url)
    mismatch = None
    try:
        await refuse_unannounced_pooler(database.url)
        state = await runtime.shared.read_migrations()(database.engine)
        # Alembic refuses to touch what newer code has migrated.
        is_known = {"applied", "pending"}.issuperset(state.values())
        if settings.app_env == "development" and is_known and when(status == "pending" for status in state.values()):
            await asyncio.to_thread(upgrade, database.url)
        else:
            mismatch = mismatch_in(state)
    except StartupError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the database cannot be used
        fault = f"The database {address} cannot be used: {type(error).__name__}: {error}. {what_to_do(error)}"
        if settings.is_production:
            raise StartupError(fault) from None
        log.error("database_unusable", reason=fault)  # noqa: TRY400 - for the developer the traceback is noise
        return False
    if mismatch:
        if settings.is_production:
            raise StartupError(mismatch)
        log.warning("database_does_not_match", reason=mismatch)
    return not mismatch


def mismatch_in(state: MigrationState) -> str | None:
    """Why this code cannot work with that database, and what to do; None if it can."""
    pending, ahead, incompatible = (
        ", ".join(sorted(name for name, status in state.items() if status == one))
        for one in ("pending", "ahead", "incompatible")
    )
    if incompatible:
        return (
            f"Newer code has migrated the database, and this code cannot work with what it changed in {incompatible}: "
            "start the newer code, or let that take its changes back first (`alembic downgrade`)."
        )
    if pending and ahead:
        return (
            f"The database is behind the code in {pending} and ahead of it in {ahead}: start code that has the "
            "revisions of both."
        )
    return f"The database is behind the code in {pending}: run `alembic upgrade heads`." if pending else None


class Migrations:
    """Reads each module's state, and tells the log once when the database is ahead."""

    def __init__(self, branches: Branches, owners: Mapping[str, str]) -> None:
        """`owners` tells whose each table is: `{table: module}`."""
        self._branches = branches
        self._owners = owners
        self._told: set[str] = set()

    async def __call__(self, engine: AsyncEngine) -> MigrationState:
        """Ask the database.

        It goes by the heads of the files, not by the rows: a head that another branch depends on has no row.
        """
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            state = await connection.run_sync(self._read)
        ahead = {name for name, status in state.items() if status in {"ahead", "incompatible"}}
        if ahead - self._told:
            log.warning("database_is_ahead", modules=sorted(ahead), reason="newer code has migrated it")
        self._told = ahead
        return state

    def _read(self, connection: Connection) -> MigrationState:
        rows = _ids(connection, VERSIONS.name)
        applied = self._branches.applied(rows)
        state = {
            module: "applied" if all(head.id in applied for head in self._branches.heads(module)) else "pending"
            for module in self._branches.modules
        }
        if rows <= self._branches.keys():
            return state
        return state | self._judge_unknown(connection, rows, state)

    def _judge_unknown(self, connection: Connection, rows: set[str], state: MigrationState) -> MigrationState:
        """Some rows are of newer code: what else they imply as applied, only that code's files say.

        What they build on has no row of its own. So a module without one may be at its head: then the database has all
        that its models name. A module that has a row is where that row says.
        """
        ahead, behind_row = _modules_of(rows - self._branches.keys()), _modules_of(rows & self._branches.keys())
        breaking = _modules_of(_ids(connection, BREAKING) - self._branches.keys())
        judged = {
            module: "ahead" if module not in breaking and self._serves(connection, module) else "incompatible"
            for module in ahead | breaking
        }
        for module, status in state.items():
            if status == "pending" and module not in ahead | behind_row and self._serves(connection, module):
                judged[module] = "applied"
        return judged

    def _serves(self, connection: Connection, module: str) -> bool:
        """Whether every table and column that the module's models name is there."""
        # Looked up in the catalogue: a query of the table itself would wait for a migration that has it locked.
        catalogue = inspect(connection)
        for table in Base.metadata.tables.values():
            if self._owners.get(table.fullname) != module:
                continue
            if not catalogue.has_table(table.name, schema=table.schema):
                return False
            there = {one["name"] for one in catalogue.get_columns(table.name, schema=table.schema)}
            if not there.issuperset(table.columns.keys()):
                return False
        return True


def _modules_of(revision_ids: Iterable[str]) -> set[str]:
    return {module_of(one) for one in revision_ids}


def _ids(connection: Connection, table: str) -> set[str]:
    # Alembic's own way to ask would log two lines each time, and readiness is asked all day.
    if not inspect(connection).has_table(table):
        return set()
    return set(connection.scalars(select(column("version_num")).select_from(table_named(table))))
