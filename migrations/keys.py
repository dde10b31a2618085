"""Moves foreign keys out of the way of other changes: those of a circle, and those whose index is dropped."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alembic.operations.ops import (
    AddConstraintOp,
    CreateForeignKeyOp,
    CreateTableOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
)
from sqlalchemy import ForeignKeyConstraint, MetaData, Table
from sqlalchemy.sql.ddl import sort_tables_and_constraints


def mark_circular_keys(tables: Iterable[Table]) -> None:
    """Set `use_alter` on foreign keys in a circle: else Alembic could not sort the tables."""
    *_, (_, keys) = sort_tables_and_constraints(tables)  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    for key in keys:
        key.use_alter = True


def take_out_circular_keys(operations: Sequence[MigrateOperation]) -> list[MigrateOperation]:
    """Add a key last if its table is made before the one it refers to; drop it first if that is dropped before."""
    first: list[MigrateOperation] = []
    last: list[MigrateOperation] = []
    missing = {one.table_name for one in operations if isinstance(one, CreateTableOp)}
    dropped: set[str] = set()
    for one in operations:
        if isinstance(one, CreateTableOp):
            missing.remove(one.table_name)
            last += [_on_table(AddConstraintOp.from_constraint(key)) for key in _take_out(one, missing)]
        elif isinstance(one, DropTableOp) and one._reverse is not None:  # noqa: SLF001 - Alembic has no public name for it
            first += [_on_table(DropConstraintOp.from_constraint(key)) for key in _take_out(one._reverse, dropped)]  # noqa: SLF001 - the same
            dropped.add(one.table_name)
    changed = [*first, *operations, *last]
    for key in _created_keys(changed):
        key.kw.pop("use_alter", None)  # with it, SQLite would leave the key out when it rebuilds the table
    return changed


def renew_keys(operations: Iterable[MigrateOperation], models: MetaData) -> None:
    """Drop a key before the index that it may use, and add it again, as MariaDB keeps an index that a key uses."""
    for one in operations:
        if not isinstance(one, ModifyTableOps) or one.table_name not in models.tables:
            continue
        named = {getattr(inner, "constraint_name", None) for inner in one.ops}
        freed = {column for inner in one.ops for column in _dropped_columns(inner)}
        for key in models.tables[one.table_name].foreign_key_constraints:
            if key.name not in named and not freed.isdisjoint(key.column_keys):
                one.ops += [DropConstraintOp.from_constraint(key), AddConstraintOp.from_constraint(key)]


def _dropped_columns(operation: MigrateOperation) -> list[str]:
    if isinstance(operation, DropIndexOp):
        return operation.to_index().columns.keys()
    if isinstance(operation, DropConstraintOp) and operation.constraint_type == "unique":
        constraint: Any = operation.to_constraint()
        return list(constraint.columns.keys())
    return []


def _take_out(table: CreateTableOp, absent: set[str]) -> list[ForeignKeyConstraint]:
    """Remove from a table the keys that refer to absent ones, and return them."""
    keys = [
        item
        for item in table.columns
        if isinstance(item, ForeignKeyConstraint) and (item.use_alter or not absent.isdisjoint(_referred_by(item)))
    ]
    table.columns = [item for item in table.columns if not any(item is key for key in keys)]
    return keys


def _referred_by(key: ForeignKeyConstraint) -> set[str]:
    return {element.target_fullname.rpartition(".")[0] for element in key.elements}


def _created_keys(operations: Iterable[MigrateOperation]) -> Iterator[CreateForeignKeyOp]:
    for one in operations:
        if isinstance(one, ModifyTableOps):
            yield from _created_keys(one.ops)
        elif isinstance(one, CreateForeignKeyOp):
            yield one


def _on_table(operation: AddConstraintOp | DropConstraintOp) -> ModifyTableOps:
    return ModifyTableOps(table_of(operation), [operation])


def table_of(operation: Any) -> str:
    """The name of the table that an operation changes."""
    return str(operation.source_table if isinstance(operation, CreateForeignKeyOp) else operation.table_name)
