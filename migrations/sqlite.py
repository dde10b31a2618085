"""SQLite changes a table by a rebuild, for which foreign keys must be off."""

from alembic.util import CommandError
from sqlalchemy import Connection, text


def check_foreign_keys(connection: Connection) -> None:
    """Find broken foreign keys, which SQLite does not check while a table is rebuilt."""
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise CommandError(
            f"After this migration rows of {tables} would refer to rows that are gone; nothing was changed."
        )


def refuse_foreign_keys(connection: Connection) -> None:
    """With foreign keys on, dropping the old table of a rebuild would delete, by cascade, the rows that refer to it."""
    cursor = connection.connection.cursor()  # not through SQLAlchemy, which would begin a transaction
    cursor.execute("PRAGMA foreign_keys")
    is_on = cursor.fetchall() == [(1,)]
    cursor.close()
    if is_on:
        raise CommandError(
            "On this connection SQLite enforces foreign keys, and changing a table would delete rows that refer to it: "
            "switch foreign keys off first, or open the connection with shared.database.engines.migration_engine"
        )
