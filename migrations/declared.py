"""What a column was declared as, in place of what one database made of it: a draft is for all of them."""

from collections.abc import Iterable
from typing import Any

from alembic.operations.ops import (
    AlterColumnOp,
    CreateUniqueConstraintOp,
    DropConstraintOp,
    DropIndexOp,
    MigrateOperation,
    ModifyTableOps,
)
from sqlalchemy import MetaData


def use_declared_types(operations: Iterable[MigrateOperation], metadata: MetaData) -> None:
    """MariaDB states a column's whole definition to change a part of it: else it would lose its type."""
    for operation in operations:
        if isinstance(operation, ModifyTableOps):
            operation.ops = [_as_constraint(one) for one in operation.ops]
            use_declared_types(operation.ops, metadata)
        elif isinstance(operation, AlterColumnOp) and operation.table_name in metadata.tables:
            column: Any = metadata.tables[operation.table_name].columns.get(operation.column_name)
            if column is not None and operation.modify_type is None:
                operation.existing_type = column.type
            if column is not None and operation.modify_server_default is False:
                operation.existing_server_default = column.server_default


def _as_constraint(operation: MigrateOperation) -> MigrateOperation:
    """MariaDB takes a unique constraint for an index; on the others only the constraint can be dropped."""
    if not isinstance(operation, DropIndexOp) or not operation.to_index().unique:
        return operation
    columns = operation.to_index().columns.keys()
    table, name = str(operation.table_name), str(operation.index_name)
    if name != "_".join(["uq", table, *columns]):  # see NAMING_CONVENTION
        return operation
    constraint = CreateUniqueConstraintOp(name, table, columns)
    return DropConstraintOp(name, table, "unique", _reverse=constraint)
