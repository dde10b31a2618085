"""Replaces one database's spelling in a draft by the declarations, since a draft and its downgrade run on all."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
)
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Column, MetaData
from sqlalchemy.types import TypeEngine

from migrations.comparing import is_same_type
from migrations.history import DeclaredTable, History
from migrations.portability import faults_of_type
from migrations.rendering import PRODUCTS


class Declarations:
    """The models, and the tables that the revisions have declared so far."""

    def __init__(self, context: MigrationContext, models: MetaData) -> None:
        self._context = context
        self._models = models
        history: History = context.opts["history"]
        self._tables = history.on[context.dialect.name]

    def put_into(self, operations: Iterable[MigrateOperation]) -> list[MigrateOperation]:
        """Make the operations, and their reversals, state the declarations.

        Raises:
            CommandError: No revision declares the item to drop or change, and it differs between databases.
        """
        operations = list(operations)
        dropped = {one.table_name for one in operations if isinstance(one, DropTableOp)}
        changed: list[MigrateOperation] = []
        for one in operations:
            if isinstance(one, ModifyTableOps) and one.table_name not in dropped:
                one.ops = [self._declared(inner) for inner in one.ops]
                changed.append(one)
            elif isinstance(one, DropTableOp):
                changed += self._drop_of_table(one)
            elif not isinstance(one, ModifyTableOps):
                changed.append(one)
        return changed

    def _declared(self, operation: MigrateOperation) -> MigrateOperation:
        if isinstance(operation, AlterColumnOp):
            self._state_column(operation)
        elif isinstance(operation, DropColumnOp):
            found = operation.to_column()
            operation._reverse = AddColumnOp(operation.table_name, self._column(operation.table_name, found))  # noqa: SLF001 - Alembic has no public name for it
        elif isinstance(operation, DropIndexOp):
            return self._drop(str(operation.table_name), str(operation.index_name)) or operation
        elif isinstance(operation, DropConstraintOp):
            return self._drop(operation.table_name, str(operation.constraint_name)) or operation
        return operation

    def _state_column(self, operation: AlterColumnOp) -> None:
        """State the column's whole definition: MariaDB needs it to change a part, else the column loses its type."""
        now: Column[Any] = self._models.tables[operation.table_name].columns[operation.column_name]
        found = Column[Any](operation.column_name, operation.existing_type)
        if operation.existing_server_default is not False:
            found.server_default = operation.existing_server_default  # type: ignore[assignment]  # as it was reflected
        was = self._known(operation.table_name).get(now.name, now)
        if operation.modify_type is not None or operation.modify_server_default is not False:
            was = self._column(operation.table_name, found)
        operation.existing_type = now.type if operation.modify_type is None else was.type
        operation.existing_server_default = (
            now.server_default if operation.modify_server_default is False else was.server_default
        )
        operation.existing_comment = was.comment

    def _drop_of_table(self, operation: DropTableOp) -> Iterator[MigrateOperation]:
        """The drop of a table and of its indexes. `_droppable` leaves out the latter, but not their reversals."""
        name = operation.table_name
        if name not in self._tables:
            raise self._refusal(name, "the table")
        columns = {column.name: self._column(name, column) for column in operation.to_table().columns}
        table = replace(self._tables[name], columns=columns)
        if table.indexes:
            yield ModifyTableOps(name, [DropIndexOp.from_index(one.to_index()) for one in table.indexes.values()])
        yield DropTableOp.from_table(table.made(name).to_table())

    def _drop(self, table: str, name: str) -> MigrateOperation | None:
        """MariaDB shows a unique constraint as an index; on the others only the constraint can be dropped."""
        known = self._tables.get(table, DeclaredTable())
        if name in known.constraints:
            return DropConstraintOp.from_constraint(known.constraints[name].to_constraint())
        if name in known.indexes:
            return DropIndexOp.from_index(known.indexes[name].to_index())
        return None

    def _known(self, table: str) -> dict[str, Column[Any]]:
        return self._tables[table].columns if table in self._tables else {}

    def _column(self, table: str, found: Column[Any]) -> Column[Any]:
        """The column as it was declared, if the database has that."""
        known = self._known(table).get(found.name)
        if known is not None and is_same_type(self._context, found, known):
            return known._copy()  # noqa: SLF001 - SQLAlchemy has no public name for it
        type_ = self._meant_everywhere(found.type)
        if type_ is None or found.server_default is not None:
            raise self._refusal(f"{table}.{found.name}", repr(found.type))
        return Column(found.name, type_, nullable=found.nullable, comment=found.comment, primary_key=found.primary_key)

    def _refusal(self, name: str, found: str) -> CommandError:
        return CommandError(
            f"{name}: no revision declares {found} as {PRODUCTS[self._context.dialect.name]} has it, so a draft could "
            "not take its change back on every database. Write this change by hand (`alembic revision --head "
            "<module>@head -m ...`), with what was there before in its downgrade(). No file was written."
        )

    def _meant_everywhere(self, found: TypeEngine[Any]) -> TypeEngine[Any] | None:
        """The type on every database for one that this database shows; None if there is none."""
        dialect = self._context.dialect
        try:
            type_: Any = found.as_generic()
        except NotImplementedError:
            return None
        type_.collation = None
        if faults_of_type(type_) or not is_same_type(self._context, Column("", found), Column("", type_)):
            return None
        is_kept = type_.compile(dialect=dialect) == str(found.compile(dialect=dialect)).partition(" COLLATE")[0]
        return type_ if is_kept else None
