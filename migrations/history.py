"""The tables as the revision files have declared them; a database keeps only its own spelling."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from types import SimpleNamespace
from typing import Any, Self

import alembic.context
import alembic.op
from alembic.ddl.impl import DefaultImpl
from alembic.operations import Operations
from alembic.operations.ops import AddConstraintOp, CreateForeignKeyOp, CreateIndexOp, CreateTableOp, MigrateOperation
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, DefaultClause, Index, PrimaryKeyConstraint, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import Constraint, FetchedValue

from migrations.keys import table_of
from migrations.rendering import DIALECTS
from shared.assembly.branches import Branches
from shared.database import Base


@dataclass
class DeclaredTable:
    """A table as the revisions made and changed it."""

    options: dict[str, Any] = field(default_factory=dict)
    comment: str | None = None
    columns: dict[str, Column[Any]] = field(default_factory=dict)
    constraints: dict[str, AddConstraintOp] = field(default_factory=dict)
    indexes: dict[str, CreateIndexOp] = field(default_factory=dict)

    def made(self, name: str) -> CreateTableOp:
        """The operation that makes it, without its indexes."""
        items: list[Any] = [*self.columns.values(), *(one.to_constraint() for one in self.constraints.values())]
        copies = [one._copy() for one in items]  # noqa: SLF001 - SQLAlchemy has no public name for it
        table = CreateTableOp(name, copies, comment=self.comment, _constraints_included=True, **self.options)
        return CreateTableOp.from_table(table.to_table())

    def rule(self, name: str) -> AddConstraintOp | CreateIndexOp | None:
        """The constraint or index of that name."""
        return self.constraints.get(name) or self.indexes.get(name)


class History:
    """The tables as all revisions together declare them, for each database, since a revision may check which it is."""

    def __init__(self, script: ScriptDirectory, branches: Branches) -> None:
        self._script = script
        self._branches = branches

    @cached_property
    def on(self) -> Mapping[str, dict[str, DeclaredTable]]:
        """`{dialect: {table: ...}}`."""
        return {dialect.name: self._replayed(dialect) for dialect in DIALECTS}

    def _replayed(self, dialect: Dialect) -> dict[str, DeclaredTable]:
        """Run each `upgrade()` without a database."""
        order = TopologicalSorter({one.id: one.parents for one in self._branches.values()}).static_order()
        context = MigrationContext.configure(dialect=dialect, opts={"target_metadata": Base.metadata})
        context.impl = memory = _MemoryImpl(dialect)
        context.connection = memory.connection
        context.autocommit_block = nullcontext  # type: ignore[assignment]  # there is no transaction
        with _installed(Operations(context)):
            for revision_id in order:
                try:
                    self._script.get_revision(revision_id).module.upgrade()
                except Exception:  # noqa: BLE001, S112 - it reads rows, for example; its declarations until then count
                    continue
        return memory.tables


@contextmanager
def _installed(operations: Operations) -> Iterator[None]:
    """Point `op` and `context` to these operations instead of the running command's database."""
    before = getattr(alembic.op, "_proxy", None)
    environment: Any = getattr(alembic.context, "_proxy", None) or SimpleNamespace(_migration_context=None)
    running, environment._migration_context = environment._migration_context, operations.migration_context  # noqa: SLF001 - Alembic has no public name for it
    batch = operations.batch_alter_table
    operations.batch_alter_table = lambda *given, **options: batch(*given, **options | {"recreate": "never"})  # type: ignore[method-assign]  # nothing can be rebuilt
    operations._install_proxy()  # noqa: SLF001 - Alembic has no public name for it
    try:
        yield
    finally:
        environment._migration_context = running  # noqa: SLF001 - the same
        operations._remove_proxy()  # noqa: SLF001 - the same
        if before is not None:
            before._install_proxy()  # noqa: SLF001 - the same


class _NullConnection:
    """A connection without a database, and its results without rows."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def __getattr__(self, name: str) -> "_NullConnection":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> "_NullConnection":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __bool__(self) -> bool:
        return False


class _MemoryImpl(DefaultImpl):
    """Executes Alembic's operations on the declared tables in memory."""

    def __init__(self, dialect: Dialect) -> None:
        connection: Any = _NullConnection(dialect)
        super().__init__(dialect, connection, as_sql=False, transactional_ddl=None, output_buffer=None, context_opts={})
        self.tables: dict[str, DeclaredTable] = {}

    def _exec(self, *_: Any, **__: Any) -> Any:
        return self.connection

    def bulk_insert(self, *_: Any, **__: Any) -> None:
        """Do nothing: there are no rows."""

    def create_table(self, table: Table, **_: Any) -> None:
        self.tables[table.name] = declared = DeclaredTable(dict(table.kwargs), table.comment)
        if table._prefixes:  # noqa: SLF001 - SQLAlchemy has no public name for it
            declared.options["prefixes"] = list(table._prefixes)  # noqa: SLF001 - the same
        for column in table.columns:
            self._remember(declared, column)
        for constraint in table.constraints:
            self.add_constraint(constraint)
        for index in table.indexes:
            self.create_index(index)

    def drop_table(self, table: Table, **_: Any) -> None:
        self.tables.pop(table.name, None)

    def rename_table(self, old_table_name: str, new_table_name: str, schema: str | None = None) -> None:  # noqa: ARG002 - signature is Alembic's
        self.tables[new_table_name] = self.tables.pop(old_table_name, DeclaredTable())
        for table in self.tables.values():
            for one in (*table.constraints.values(), *table.indexes.values()):
                for attribute in ("table_name", "source_table", "referent_table"):
                    if getattr(one, attribute, None) == old_table_name:
                        setattr(one, attribute, new_table_name)

    def create_table_comment(self, table: Table) -> None:
        self._table(table.name).comment = table.comment

    def drop_table_comment(self, table: Table) -> None:
        self._table(table.name).comment = None

    def add_column(self, table_name: str, column: Column[Any], **_: Any) -> None:
        self._remember(self._table(table_name), column)

    def drop_column(self, table_name: str, column: Column[Any], **_: Any) -> None:
        table = self._table(table_name)
        table.columns.pop(column.name, None)
        for found in (table.constraints, table.indexes):
            for name in [name for name, one in found.items() if column.name in _columns(one)]:
                del found[name]

    def alter_column(self, table_name: str, column_name: str, **change: Any) -> None:
        table = self._table(table_name)
        column = table.columns.get(column_name)
        if column is None:
            return
        for attribute, given, unchanged in (
            ("nullable", "nullable", None),
            ("type", "type_", None),
            ("comment", "comment", False),
        ):
            value = change.get(given, unchanged)
            if value is not unchanged:
                setattr(column, attribute, value() if isinstance(value, type) else value)
        default = change.get("server_default", False)
        if default is not False:
            column.server_default = default if isinstance(default, FetchedValue | None) else DefaultClause(default)
        if name := change.get("name"):
            _rename(table, column_name, name)

    def add_constraint(self, const: Constraint, **_: Any) -> None:
        if is_of_type(const) or (isinstance(const, PrimaryKeyConstraint) and not len(const.columns)):
            return  # a table without a primary key has an empty one
        operation = AddConstraintOp.from_constraint(const)
        self._table(table_of(operation)).constraints[_name(const)] = operation

    def drop_constraint(self, const: Constraint, **_: Any) -> None:
        self._table(const.table.name).constraints.pop(_name(const), None)

    def create_index(self, index: Index, **_: Any) -> None:
        if index.table is not None:
            self._table(index.table.name).indexes[str(index.name)] = CreateIndexOp.from_index(index)

    def drop_index(self, index: Index, **_: Any) -> None:
        for table in self.tables.values():
            table.indexes.pop(str(index.name), None)

    def _table(self, name: str) -> DeclaredTable:
        """The table, or an empty one that is not kept if no revision declares it."""
        return self.tables.get(name, DeclaredTable())

    def _remember(self, table: DeclaredTable, column: Column[Any]) -> None:
        table.columns[column.name] = column._copy()  # noqa: SLF001 - SQLAlchemy has no public name for it


def is_of_type(constraint: Constraint) -> bool:
    """True if it belongs to the type of a column."""
    return bool(getattr(constraint, "_type_bound", False))


def _name(item: Constraint) -> str:
    return str(item.name) if item.name else f"unnamed {id(item)}"


def _columns(operation: MigrateOperation) -> list[str]:
    """The names of its columns, without those in expressions."""
    columns = getattr(operation, "local_cols", None) or getattr(operation, "columns", [])
    return [one if isinstance(one, str) else str(getattr(one, "name", "")) for one in columns]


def _rename(table: DeclaredTable, old: str, new: str) -> None:
    column = table.columns[old]
    column.name = column.key = new
    table.columns = {one.name: one for one in table.columns.values()}
    for operation in (*table.constraints.values(), *table.indexes.values()):
        if old in _columns(operation):
            attribute = "local_cols" if isinstance(operation, CreateForeignKeyOp) else "columns"
            items = [*getattr(operation, attribute)]
            items[_columns(operation).index(old)] = new
            setattr(operation, attribute, items)
