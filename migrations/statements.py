"""The SQL of an operation on each database."""

from collections.abc import Iterator

from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    AlterColumnOp,
    CreateIndexOp,
    CreateTableOp,
    MigrateOperation,
)
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable
from sqlalchemy.sql.ddl import ExecutableDDLElement

from migrations.rendering import DIALECTS


def statements(operation: MigrateOperation, context: MigrationContext | None = None) -> dict[str, list[str]]:
    """`{dialect: lines}`, the lines sorted, since the order of constraints does not matter."""
    found = {}
    for dialect in DIALECTS:
        lines = [
            line.strip().removesuffix(",")
            for element in _elements(operation, context)
            for line in str(element.compile(dialect=dialect)).splitlines()
        ]
        found[dialect.name] = sorted(lines)
    return found


def _elements(operation: MigrateOperation, context: MigrationContext | None) -> Iterator[ExecutableDDLElement]:
    if isinstance(operation, CreateTableOp):
        yield CreateTable(operation.to_table(context))
    elif isinstance(operation, AddColumnOp):
        yield CreateTable(Table(operation.table_name, MetaData(), operation.column._copy()))  # noqa: SLF001 - SQLAlchemy has no public name for it
    elif isinstance(operation, CreateIndexOp):
        yield CreateIndex(operation.to_index(context))
    elif isinstance(operation, AddConstraintOp):
        yield AddConstraint(operation.to_constraint(context))
    elif isinstance(operation, AlterColumnOp):
        default = operation.modify_server_default
        column = Column[object](
            operation.column_name,
            operation.modify_type or operation.existing_type,
            server_default=None if default is False else default,
        )
        yield CreateTable(Table(operation.table_name, MetaData(), column))
