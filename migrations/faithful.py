"""Checks that a draft, run as Python, does what the models declare."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _render_cmd_body  # Alembic has no public name for it
from alembic.operations import Operations
from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    AlterColumnOp,
    CreateIndexOp,
    CreateTableOp,
    MigrateOperation,
    ModifyTableOps,
    UpgradeOps,
)
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from migrations.keys import table_of
from migrations.rendering import PRODUCTS, write_conditions
from migrations.statements import statements
from shared.database import Base


class _Recorder(Operations):
    """Records the operations of a revision file."""

    def __init__(self, context: MigrationContext) -> None:
        super().__init__(context)
        self.noted: list[MigrateOperation] = []

    def invoke(self, operation: MigrateOperation) -> Any:
        self.noted.append(operation)


def check_drafts(operations: Sequence[MigrateOperation], context: MigrationContext) -> None:
    """Compare the operations of a file with those it was drafted from, for each database.

    Raises:
        CommandError: With every difference, one a line.
    """
    if faults := [fault for one in _single(operations) if (fault := _fault(one, context))]:
        advice = (
            "A draft could not say this as the models do. Say it in SQL that every database has, or write the revision "
            "by hand (`alembic revision --head <module>@head -m ...`):"
        )
        raise CommandError("\n".join([advice, *(f"  - {fault}" for fault in faults)]))


def _fault(operation: MigrateOperation, context: MigrationContext) -> str | None:
    meant = statements(operation, context)
    try:
        (read,) = _read(operation, context)
    except Exception as error:  # noqa: BLE001 - any error of a file that cannot be run
        return f"{table_of(operation)}: the draft would not run: {error}"
    written = statements(read, context)
    for dialect, lines in meant.items():
        if lost := sorted(set(lines) - set(written[dialect])):
            return f"{table_of(operation)}: for {PRODUCTS[dialect]}, {' '.join(lost)}"
    return None


def _single(operations: Sequence[MigrateOperation]) -> Iterator[MigrateOperation]:
    for one in operations:
        if isinstance(one, ModifyTableOps):
            yield from _single(one.ops)
        elif isinstance(one, CreateIndexOp):
            write_conditions(one)
            yield one
        elif isinstance(one, CreateTableOp | AddColumnOp | AlterColumnOp | AddConstraintOp):
            yield one


def _read(operation: MigrateOperation, context: MigrationContext) -> list[MigrateOperation]:
    autogenerate = AutogenContext(context, metadata=Base.metadata, opts=dict(context.opts))
    code = _render_cmd_body(UpgradeOps([operation]), autogenerate)
    recorder = _Recorder(context)
    exec("\n".join([*autogenerate.imports, code]), {"op": recorder, "sa": sa})  # noqa: S102 - the draft itself, which the next command would run
    return recorder.noted
