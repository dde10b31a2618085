"""What every `alembic` command runs that looks at the models or the database."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Literal

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError, msg
from sqlalchemy import URL, Connection, text
from sqlalchemy.types import TypeDecorator

from migrations.lock import limit_ddl_waits, migration_lock, waited_too_long
from migrations.split import Splitter
from shared.branches import module_of, read_branches, two_heads
from shared.database import database_url, migration_engine, printable
from shared.discovery import ModuleError, discover
from shared.errors import means_database_is_away
from shared.models import Base
from shared.settings import DatabaseSettings, SettingsError, load_settings

config = context.config

try:
    # All of them, switched off or not: autogenerate would propose to drop the tables of a module it does not know.
    modules = discover()
    owners = modules.import_models()
    (settings,) = load_settings(DatabaseSettings)
except (ModuleError, SettingsError) as error:
    raise CommandError(str(error)) from error

branches = read_branches(modules)
splitter = Splitter(config, modules, owners, branches)


def address() -> URL:
    return config.attributes.get("url") or database_url(settings.database_url.get_secret_value())


def render_item(type_: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Write our own column types as the SQLAlchemy types they are made of: a migration imports nothing of ours."""
    if type_ == "type" and isinstance(item, TypeDecorator):
        from alembic.autogenerate.render import _repr_type  # noqa: PLC0415 - only here, and Alembic has no public name for it

        return _repr_type(item.impl_instance, autogen_context)
    return False


def changes_the_database() -> bool:
    """Whether the command is upgrade, downgrade or stamp: only those have a destination."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


def configure(**options: Any) -> None:
    context.configure(
        target_metadata=Base.metadata,
        compare_type=True,
        include_object=splitter.include_object,
        render_item=render_item,
        process_revision_directives=splitter.process,
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
        "render_as_batch": is_sqlite,
        # On SQLite the whole run is one transaction, and that transaction is the lock (see migrations/lock.py).
        "transaction_per_migration": not is_sqlite,
        "transactional_ddl": is_sqlite or None,
    }
    configure(**options)
    plan = context.get_context().opts.get("fn")
    if plan is not None and changes_the_database():
        configure(**options, fn=announced(plan))
    with context.begin_transaction():
        refuse_orphans(context.get_context().get_current_heads())
        context.run_migrations()
        if is_sqlite and changes_the_database():
            check_foreign_keys(connection)


def refuse_orphans(rows: Iterable[str]) -> None:
    """Say what Alembic's "Can't locate revision" does not: whose revision it is and what to do about it."""
    orphans = sorted(row for row in rows if row not in branches)
    if not orphans:
        return
    missing = ", ".join(repr(module_of(row)) for row in orphans)
    known = [row for row in orphans if module_of(row) in modules]
    advice = (
        f"{', '.join(known)}: the code here is older than the database, or the file was deleted; deploy the newer code"
        if known
        else "The folder was deleted while its tables are still there. Put it back into modules/, run "
        f"`alembic downgrade {module_of(orphans[0])}@base` (its tables and their rows are dropped), then delete it"
    )
    raise CommandError(
        f"The database has revisions of {missing} that are not in the code: {', '.join(orphans)}. {advice}."
    )


def announced(plan: Any) -> Any:
    """Before anything is done: refuse two heads, and name the modules that the command takes along unasked."""

    def run(rows: Any, migration_context: MigrationContext) -> list[Any]:
        steps = list(plan(rows, migration_context))
        if any(step.is_upgrade for step in steps):
            faults = [fault for name in modules if (fault := two_heads(branches, name))]
            if faults:
                raise CommandError("\n".join(faults))
        named = {module_of(part) or part for part in named_in_command()} | set(named_in_command())
        undone = sorted({module for step in steps if not step.is_upgrade for module in modules_undone(step)} - named)
        if named and undone:
            msg(f"Note: this also takes back {', '.join(undone)}, which build on what you named.")
        return steps

    return run


def named_in_command() -> list[str]:
    """The parts in front of the `@` in what was typed, `users` for `users@base`; ids as they are."""
    options = config.cmd_opts
    typed = getattr(options, "revisions", None) or [getattr(options, "revision", None) or ""]
    return [one.partition("@")[0] for one in typed if "@" in one or one in branches]


def modules_undone(step: Any) -> set[str]:
    if hasattr(step, "revision"):
        return {module_of(step.revision.revision)}
    return {module_of(row) for row in step.from_} - {module_of(row) for row in step.to_}


def check_foreign_keys(connection: Connection) -> None:
    """SQLite can only rebuild a table with foreign keys off, so what they would have caught is looked for here."""
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise CommandError(
            f"After this migration rows of {tables} would refer to rows that are gone; nothing was changed."
        )


def refuse_foreign_keys(connection: Connection) -> None:
    """SQLite: dropping the old one of a rebuilt table would delete, by cascade, the rows that refer to it."""
    cursor = connection.connection.cursor()  # not through SQLAlchemy, which would begin a transaction
    cursor.execute("PRAGMA foreign_keys")
    is_on = cursor.fetchall() == [(1,)]
    cursor.close()
    if is_on:
        raise CommandError(
            "On this connection SQLite enforces foreign keys, and changing a table would delete rows that refer to it: "
            "switch foreign keys off first, or open the connection with shared.database.migration_engine"
        )


async def run_online() -> None:
    engine = migration_engine(address(), lock_timeout=settings.migration_lock_timeout)
    try:
        if not changes_the_database():
            async with engine.connect() as connection:
                await connection.run_sync(run_on)
            return
        async with migration_lock(engine, settings.migration_lock_timeout), engine.connect() as connection:
            await limit_ddl_waits(connection)
            await connection.run_sync(run_on)
    except Exception as error:
        if not means_database_is_away(error):
            raise
        if "database is locked" in str(error):  # SQLite
            raise waited_too_long(settings.migration_lock_timeout) from error
        raise CommandError(
            f"The database {printable(address())} cannot be used: {error}\nCheck DATABASE_URL."
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
    # Its owner holds whatever lock there is.
    if handed_in.dialect.name == "sqlite" and changes_the_database():
        refuse_foreign_keys(handed_in)
    run_on(handed_in)
else:
    asyncio.run(run_online())
