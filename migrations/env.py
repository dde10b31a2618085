"""Alembic's environment, for every command that needs the models or the database."""

import asyncio
import logging
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

import migrations.unseen  # noqa: F401 - its comparators are registered
from migrations.breaking import mark_breaking
from migrations.comparing import compare_type
from migrations.computed import copy_no_computed_values
from migrations.failures import Run, refusal
from migrations.history import History
from migrations.keys import mark_circular_keys
from migrations.lock import limit_ddl_waits, migration_lock, waited_too_long
from migrations.plan import Plan
from migrations.portability import check_models
from migrations.rebuild import keep_what_rebuilds_lose
from migrations.rendering import render_item
from migrations.split import Splitter
from migrations.sqlite import check_foreign_keys, refuse_foreign_keys
from migrations.writing import Writer
from shared.assembly.branches import read_branches
from shared.assembly.discovery import discover
from shared.database import Base
from shared.database.addresses import database_url, printable
from shared.database.engines import migration_engine
from shared.database.poolers import UnannouncedPooler, refuse_unannounced_pooler
from shared.module import ModuleError
from shared.settings import SettingsError, load_settings
from shared.settings.settings import DatabaseSettings

config = context.config
copy_no_computed_values()

try:
    # All of them, switched off or not: autogenerate would propose to drop the tables of a module it does not know.
    modules = discover()
    owners = modules.import_models()
    mark_circular_keys(Base.metadata.tables.values())
    (settings,) = load_settings(DatabaseSettings)
except (ModuleError, SettingsError) as error:
    raise CommandError(str(error)) from error

keep_what_rebuilds_lose()
branches = read_branches(modules)
history = History(context.script, branches)
splitter = Splitter(config, modules, owners, branches)
planned = Plan(config, modules, branches)
context.script.generate_revision = Writer(context.script, modules).generate_revision  # type: ignore[method-assign, assignment]  # Alembic has no hook for `merge`, and no last one for `revision`


def address() -> URL:
    return config.attributes.get("url") or database_url(settings.database_url.get_secret_value())


def changes_the_database() -> bool:
    """True for upgrade, downgrade and stamp: only those have a destination."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


def configure(**options: Any) -> None:
    context.configure(
        target_metadata=Base.metadata,
        compare_type=compare_type,
        compare_server_default=True,
        # A batch is plain ALTERs on all databases but SQLite, so that a revision runs on all of them.
        render_as_batch=True,
        include_object=splitter.include_object,
        render_item=render_item,
        process_revision_directives=splitter.process,
        on_version_apply=mark_breaking(branches),
        history=history,
        **options,
    )


def run_offline() -> None:
    """`--sql`: print the statements instead of running them."""
    configure(url=address(), literal_binds=True, dialect_opts={"paramstyle": "named"}, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def run_on(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    options = {
        "connection": connection,
        # On SQLite the whole run is one transaction, and that transaction is the lock (see migrations/lock.py).
        "transaction_per_migration": not is_sqlite,
        "transactional_ddl": is_sqlite or None,
    }
    configure(**options)
    run = Run(connection, is_handed_in=config.attributes.get("connection") is not None)
    if getattr(config.cmd_opts, "autogenerate", False):
        check_models(Base.metadata.tables.values())
    plan = context.get_context().opts.get("fn")
    if plan is not None and changes_the_database():
        configure(**options, fn=run.followed(planned.announced(plan)))
    with context.begin_transaction():
        migration = context.get_context()
        planned.refuse_orphans(migration.get_current_heads(), is_purged=migration.purge)
        try:
            context.run_migrations()
        except Exception as error:  # noqa: BLE001 - it is raised again
            run.tell(error)
        if is_sqlite and changes_the_database():
            check_foreign_keys(connection)


async def run_online() -> None:
    engine = migration_engine(address(), lock_timeout=settings.migration_lock_timeout)
    try:
        await refuse_unannounced_pooler(address())
        if not changes_the_database():
            async with engine.connect() as connection:
                await connection.run_sync(run_on)
            return
        async with migration_lock(engine, settings.migration_lock_timeout), engine.connect() as connection:
            await limit_ddl_waits(connection)
            await connection.run_sync(run_on)
    except UnannouncedPooler as error:
        raise CommandError(f"The database {printable(address())} cannot be used: {error}.") from error
    except DBAPIError as error:
        if "database is locked" in str(error):  # SQLite
            raise waited_too_long(settings.migration_lock_timeout) from error
        raise refusal(error, address()) from error
    except (ConnectionError, TimeoutError) as error:
        raise CommandError(
            f"The connection to {printable(address())} broke: {error}. Run the command again."
        ) from error
    finally:
        await engine.dispose()


if not logging.getLogger().handlers:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s [%(name)s] %(message)s")
    logging.getLogger("alembic").setLevel(logging.INFO)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    # It repeats what the command line prints as "FAILED: ..." already.
    logging.getLogger("alembic.util.messaging").setLevel(logging.CRITICAL)

if context.is_offline_mode():
    run_offline()
elif (handed_in := config.attributes.get("connection")) is not None:
    # Locking is up to the connection's owner.
    if handed_in.dialect.name == "sqlite" and changes_the_database():
        refuse_foreign_keys(handed_in)
    run_on(handed_in)
else:
    asyncio.run(run_online())
