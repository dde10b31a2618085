"""The look at the database before the service says that it is up."""

import asyncio

import structlog

from shared.container import Runtime

log = structlog.get_logger(__name__)


class StartupError(Exception):
    """The service must not start like this. The message says why and what to do."""


async def check_database(runtime: Runtime) -> bool:
    """Find a wrong address or an old schema now rather than at the first request.

    Production does not start. Development starts and says what is wrong; an empty database gets its tables.

    Returns:
        Whether the database can be used.
    """
    settings, database = runtime.shared.settings(), runtime.shared.database()
    address = database.url.render_as_string(hide_password=True)
    behind = None
    try:
        state = await runtime.shared.read_migrations()(database.engine)
        is_empty = all(status == "pending" for status in state.values())
        if settings.app_env == "development" and is_empty:
            from migrations.commands import upgrade  # noqa: PLC0415 - loads Alembic, which only development needs

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
