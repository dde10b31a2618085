"""Compares the database with the code's revisions, without Alembic, which a service need not load."""

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
# The table of applied revisions that older code cannot work with; made with the first. See migrations/breaking.py.
BREAKING = "alembic_breaking"


class StartupError(Exception):
    """The service must not start like this. The message says why and what to do."""


async def check_database(
    runtime: Runtime, upgrade: Callable[[URL], None], *, when: Callable[[Iterable[bool]], bool] = all
) -> bool:
    """Find a wrong address or an old schema now rather than at the first request.

    Production does not start. Development starts and logs the fault. It calls `upgrade` when all modules are pending,
    as in an empty database; with `when=any`, also when some are.

    Returns:
        True if the database can be used.

    Raises:
        StartupError: Production cannot work with this database, or development's `upgrade` has refused.
    """
    settings, database = runtime.shared.settings(), runtime.shared.database()
    address = printable(database.url)
    mismatch = None
    try:
        await refuse_unannounced_pooler(database.url)
        state = await runtime.shared.read_migrations()(database.engine)
        # Alembic refuses a database that newer code has migrated.
        is_known = {"applied", "pending"}.issuperset(state.values())
        if settings.app_env == "development" and is_known and when(status == "pending" for status in state.values()):
            await asyncio.to_thread(upgrade, database.url)
        else:
            mismatch = mismatch_in(state)
    except StartupError:
        raise
    except Exception as error:  # noqa: BLE001 - after any error the database cannot be used
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
    """Reads each module's state, and logs once when the database is ahead."""

    def __init__(self, branches: Branches, owners: Mapping[str, str]) -> None:
        """`owners` names the module of each table: `{table: module}`."""
        self._branches = branches
        self._owners = owners
        self._logged: set[str] = set()

    async def __call__(self, engine: AsyncEngine) -> MigrationState:
        """Read the state from the database.

        The heads of the files decide, not the rows: a head that another branch depends on has no row.
        """
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            state = await connection.run_sync(self._read)
        ahead = {name for name, status in state.items() if status in {"ahead", "incompatible"}}
        if ahead - self._logged:
            log.warning("database_is_ahead", modules=sorted(ahead), reason="newer code has migrated it")
        self._logged = ahead
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
        return state | self._state_by_tables(connection, rows, state)

    def _state_by_tables(self, connection: Connection, rows: set[str], state: MigrationState) -> MigrationState:
        """Some rows belong to newer code, and only its files say which other revisions they imply.

        Revisions that others build on have no row. So a module without a row may be at its head: it is, if the database
        has all tables and columns of its models. A module with a row is where its row says.
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
        """True if every table and column of the module's models exists."""
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
    # Alembic's own query would log two lines at each readiness probe.
    if not inspect(connection).has_table(table):
        return set()
    return set(connection.scalars(select(column("version_num")).select_from(table_named(table))))
