"""SQLite cannot change a table, so Alembic rebuilds it; what a rebuild would lose is restored here.

Alembic reads the old table into a model and makes the new one from that. SQLAlchemy's model has no triggers, and no
expression and no order of an index; those are restored from their SQL, which SQLite keeps as it was typed.
"""

import re
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

from alembic.operations.batch import BatchOperationsImpl
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import String

_flush = BatchOperationsImpl.flush

COLLATION = r"""[(,]\s*["`\[]?{}["`\]]?\s[^,]*?\bCOLLATE\s+["`\[]?(\w+)"""
HOW_TO_SAY = (
    "Say in the revision what it has: `batch_alter_table(..., table_args=..., table_kwargs=...)` or `copy_from=`."
)
# Clauses that are not in the model, and so would be lost silently.
CLAUSES = ("AUTOINCREMENT", "WITHOUT ROWID", "STRICT", "ON CONFLICT")
# Only columns: Alembic restores such an index by itself, also with a renamed column.
PLAIN_INDEX = re.compile(
    r"""CREATE (UNIQUE )?INDEX \S+ ON [^\s(]+ ?\(\s*["`\[]?\w+["`\]]?(\s*,\s*["`\[]?\w+["`\]]?)*\s*\)""", re.IGNORECASE
)


def keep_what_rebuilds_lose() -> None:
    """Patch every `batch_alter_table` from now on, on any connection."""
    BatchOperationsImpl.flush = _flush_and_restore  # type: ignore[method-assign, assignment]  # Alembic offers no hook


def _flush_and_restore(batch: BatchOperationsImpl) -> None:
    connection = batch.impl.connection
    if batch.dialect.name != "sqlite" or connection is None or not batch._should_recreate():  # noqa: SLF001 - as above
        _flush(batch)
        return
    # Indexes are dropped and made by separate statements, since the model would lose an expression.
    indexes = [one for one in batch.batch if one[0] in {"drop_index", "create_index"}]
    batch.batch = [one for one in batch.batch if one not in indexes]
    for name, arguments, options in indexes:
        if name == "drop_index":
            batch.impl.drop_index(*arguments, **options)
    rebuild = _Rebuild(connection, batch)
    rebuild.drop_what_cannot_be_read()
    batch.reflect_kwargs["listeners"].append(("column_reflect", rebuild.keep_collation))
    # Else renaming the new table would fail because of views and triggers that name the old one.
    connection.exec_driver_sql("PRAGMA legacy_alter_table=ON")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Skipped unsupported reflection")  # it is restored below
            warnings.filterwarnings("error", "Unnamed CHECK constraint")
            _flush(batch)
    except UserWarning as error:
        raise CommandError(str(error)) from None
    finally:
        connection.exec_driver_sql("PRAGMA legacy_alter_table=OFF")
    rebuild.restore()
    for name, arguments, options in indexes:
        if name == "create_index":
            batch.impl.create_index(*arguments, **options)


class _Rebuild:
    """One table, as it was before the rebuild."""

    def __init__(self, connection: Connection, batch: BatchOperationsImpl) -> None:
        self._connection = connection
        self._table = str(batch.table_name)
        self._has_options = bool(batch.table_kwargs or batch.table_args or batch.copy_from is not None)
        self._renamed = {str(arguments[1]) for name, arguments, options in batch.batch if options.get("name")}
        self._dropped = {str(arguments[1].name) for name, arguments, _ in batch.batch if name == "drop_column"}
        self._drops_rules = bool({"drop_constraint", "drop_column"} & {name for name, _, _ in batch.batch})
        self._rules = self._read_rules()
        self._sql = self._sql_of_table()
        self._objects = self._read("tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger')", self._table)
        self._views = {name for name in self._read("type = 'view'") if self._view_fault(name) is None}
        self._sequence = self._read_sequence()
        self._writes = {one for one in self._read_writes() if self._write_fault(*one) is None}

    def drop_what_cannot_be_read(self) -> None:
        """Drop the indexes that Alembic would change or lose; `restore` makes them again from their SQL."""
        for name, (kind, sql) in list(self._objects.items()):
            if kind != "index" or PLAIN_INDEX.fullmatch(sql):
                continue
            if self._names(sql, self._renamed):
                raise self._refusal(kind, name, "it names a column that is renamed")
            self._connection.exec_driver_sql(f'DROP INDEX "{name}"')
            if self._names(sql, self._dropped):
                del self._objects[name]  # as on every database: it goes with its column

    def keep_collation(self, _inspector: object, _table: object, column: dict[str, Any]) -> None:
        match = re.search(COLLATION.format(re.escape(column["name"])), self._sql, re.IGNORECASE)
        if match is not None and isinstance(column["type"], String) and column["type"].collation is None:
            column["type"].collation = match[1]

    def restore(self) -> None:
        self._refuse_lost_clauses()
        self._refuse_lost_rules()
        there = self._read("tbl_name = ? COLLATE NOCASE", self._table)
        for name, (kind, sql) in self._objects.items():
            if there.get(name) == (kind, sql):
                continue
            if kind == "index" and self._names(sql, self._renamed | self._dropped):
                continue  # it is there with the new name, or has gone with its column
            if name in there:
                self._connection.exec_driver_sql(f'DROP INDEX "{name}"')
            self._connection.exec_driver_sql(sql)
        if self._sequence is not None:
            self._restore_sequence(self._sequence)
        for table, statement in sorted(self._writes):
            if fault := self._write_fault(table, statement):
                triggers = self._read("type = 'trigger' AND tbl_name = ? COLLATE NOCASE", table)
                raise self._refusal("trigger", " or ".join(sorted(triggers)), fault)
        for name in sorted(self._views):
            if fault := self._view_fault(name):
                raise self._refusal("view", name, fault)

    def _refuse_lost_rules(self) -> None:
        if self._drops_rules or self._renamed or self._has_options:
            return
        if lost := self._rules - self._read_rules():
            raise CommandError(
                f"SQLite would build the table {self._table} anew without {', '.join(sorted(lost))}: Alembic does not "
                f"read what has no name or is not written as SQLAlchemy writes it. {HOW_TO_SAY}"
            )

    def _refuse_lost_clauses(self) -> None:
        if self._has_options:
            return
        now = self._sql_of_table().upper()
        if lost := [one for one in CLAUSES if re.search(rf"\b{one}\b", self._sql.upper()) and one not in now]:
            raise CommandError(
                f"SQLite would build the table {self._table} anew without {', '.join(lost)}. {HOW_TO_SAY}"
            )

    def _read_writes(self) -> Iterator[tuple[str, str]]:
        """The kinds of writes to each table or view that has triggers, since these may name this table."""
        tables = self._connection.exec_driver_sql("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'")
        return product([str(table) for (table,) in tables], ("INSERT", "UPDATE", "DELETE"))

    def _write_fault(self, table: str, statement: str) -> str | None:
        columns = [str(row[1]) for row in self._connection.exec_driver_sql(f'PRAGMA table_info("{table}")')]
        values = ", ".join(f'"{one}" = "{one}"' for one in columns)
        return self._fault(
            {
                "INSERT": f'INSERT INTO "{table}" DEFAULT VALUES',
                "UPDATE": f'UPDATE "{table}" SET {values}',  # noqa: S608 - names out of the file
                "DELETE": f'DELETE FROM "{table}"',  # noqa: S608 - likewise
            }[statement]
        )

    def _read_sequence(self) -> int | None:
        """The largest key that AUTOINCREMENT has used: it is not used again, even if its row is gone."""
        if not re.search(r"\bAUTOINCREMENT\b", self._sql, re.IGNORECASE):
            return None
        query = "SELECT seq FROM sqlite_sequence WHERE name = ? COLLATE NOCASE"
        return self._connection.exec_driver_sql(query, (self._table,)).scalar()

    def _restore_sequence(self, largest: int) -> None:
        # A row for each such table, and none for others.
        query = "UPDATE sqlite_sequence SET seq = ? WHERE name = ? COLLATE NOCASE"
        self._connection.exec_driver_sql(query, (largest, self._table))

    def _refusal(self, kind: str, name: str, fault: str) -> CommandError:
        return CommandError(
            f"After this change of the table {self._table} the {kind} {name} would not work any more: {fault}. "
            "Drop it in the revision before the change, and create it again after it."
        )

    def _names(self, sql: str, columns: set[str]) -> bool:
        return any(re.search(rf"\b{re.escape(one)}\b", sql, re.IGNORECASE) for one in columns)

    def _view_fault(self, name: str) -> str | None:
        return self._fault(f'SELECT * FROM "{name}"')  # noqa: S608 - a name out of the file

    def _fault(self, statement: str) -> str | None:
        """The error that running a statement would raise; it is not run."""
        try:
            self._connection.exec_driver_sql(f"EXPLAIN {statement}").close()
        except DBAPIError as error:
            return str(error.orig)
        return None

    def _read_rules(self) -> set[str]:
        keys = self._connection.exec_driver_sql(f'PRAGMA foreign_key_list("{self._table}")')
        indexes = self._connection.exec_driver_sql(f'PRAGMA index_list("{self._table}")').fetchall()
        columns = {
            name: self._connection.exec_driver_sql(f'PRAGMA index_info("{name}")').fetchall()
            for _, name, _, origin, _ in indexes
            if origin == "u"  # made by UNIQUE
        }
        return {
            *(
                f"the key from {column} to {table}, {changed}, {deleted}"
                for _, _, table, column, _, changed, deleted, _ in keys
            ),
            *(f"UNIQUE ({', '.join(str(row[2]) for row in rows)})" for rows in columns.values()),
        }

    def _sql_of_table(self) -> str:
        return next(
            (sql for _, sql in self._read("type = 'table' AND name = ? COLLATE NOCASE", self._table).values()), ""
        )

    def _read(self, condition: str, *parameters: str) -> dict[str, tuple[str, str]]:
        # An index that belongs to a constraint has no SQL.
        query = f"SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND {condition}"  # noqa: S608 - ours
        return {
            str(name): (str(kind), str(sql)) for name, kind, sql in self._connection.exec_driver_sql(query, parameters)
        }
