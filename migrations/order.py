"""The order of drafts: after other files of the same run, and after the last revisions that used what they drop."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from alembic.operations.ops import (
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
)
from alembic.util import CommandError
from sqlalchemy import Column, PrimaryKeyConstraint, UniqueConstraint

from migrations.references import last_touching, sources
from shared.assembly.branches import Branches


def users_of_dropped(
    module: str, drafts: Mapping[str, Sequence[MigrateOperation]], branches: Branches, ids: Mapping[str, str]
) -> set[str]:
    """The revisions of other modules that remove the last references to what this module's draft drops.

    Without that order a new database could run the drop first. `ids` are those of this run's drafts.
    """
    found = set()
    for table, columns in _dropped(drafts[module]):
        for other in set(branches.modules) - {module}:
            tables = sources(branches, other, table, columns)
            if tables & {getattr(operation, "table_name", None) for operation in drafts.get(other, ())}:
                found.add(ids[other])
            elif tables and (last := last_touching(branches, other, tables)):
                found.add(last.id)
    return found


def in_order(names: Sequence[str], waits_for: Mapping[str, Iterable[str]]) -> list[str]:
    """The modules, each after those it waits for, and otherwise as given.

    Raises:
        CommandError: Two of them wait for each other.
    """
    sorter = TopologicalSorter(waits_for)
    try:
        sorter.prepare()
    except CycleError as error:
        one, other = error.args[1][:2]
        raise CommandError(
            f"The changes of {one!r} and {other!r} wait for each other: one drops what the other used, and is itself "
            f"needed by the other. Draft them one after the other: --head {other}@head first, then upgrade. No file "
            "was written."
        ) from None
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=names.index)
        order += ready
        sorter.done(*ready)
    return order


def _dropped(operations: Iterable[MigrateOperation]) -> Iterator[tuple[str, frozenset[str]]]:
    """The dropped targets of foreign keys: `(table, columns)`; without columns it is the whole table."""
    for operation in operations:
        if isinstance(operation, ModifyTableOps):
            yield from _dropped(operation.ops)
        elif isinstance(operation, DropTableOp):
            yield operation.table_name, frozenset()
        elif isinstance(operation, DropColumnOp):
            yield operation.table_name, frozenset([operation.column_name])
        elif isinstance(operation, DropIndexOp):
            index = operation.to_index()
            if index.unique and operation.table_name:
                yield operation.table_name, _names(index.columns)
        elif isinstance(operation, DropConstraintOp) and operation.constraint_type != "foreignkey":
            constraint = operation.to_constraint()
            if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint):
                yield operation.table_name, _names(constraint.columns)


def _names(columns: Iterable[Column[object]]) -> frozenset[str]:
    return frozenset(column.name for column in columns)
