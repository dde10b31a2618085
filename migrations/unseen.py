"""Compares what a database does not show, or shows in its own spelling, with the declarations in the revisions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from alembic.autogenerate import comparators
from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    CreateCheckConstraintOp,
    CreateIndexOp,
    CreateTableCommentOp,
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableCommentOp,
    MigrateOperation,
)
from alembic.util import CommandError, DispatchPriority, PriorityDispatchResult
from sqlalchemy import Column, Computed, PrimaryKeyConstraint, Table
from sqlalchemy.engine import Dialect

from migrations.comparing import value_of
from migrations.history import DeclaredTable, History, is_of_type
from migrations.rendering import DIALECTS, on_dialect, sql_on
from migrations.statements import statements


@comparators.dispatch_for("column", subgroup="declarations", priority=DispatchPriority.LAST)
def _compare_column(
    context: Any, change: Any, _schema: Any, table: str, name: str, _found: Any, declared: Column[Any]
) -> PriorityDispatchResult:
    """Find differences on other databases than this one, and those that this one does not keep."""
    before = _columns(context.opts["history"], table, name)
    if change.modify_type is None and any(_type(one, by) != _type(declared, by) for by, one in before):
        change.modify_type = declared.type
    if change.modify_server_default is False and any(_default(one, by) != _default(declared, by) for by, one in before):
        change.modify_server_default = declared.server_default
    if change.modify_comment is False and any(one.comment != declared.comment for _, one in before):
        change.modify_comment = declared.comment
    return PriorityDispatchResult.CONTINUE


@comparators.dispatch_for("table", subgroup="declarations", priority=DispatchPriority.LAST)
def _compare_table(
    context: Any, change: Any, _schema: Any, name: str, found: Table | None, declared: Table | None
) -> PriorityDispatchResult:
    """Find new and removed CHECKs, and changed constraints, indexes and computed columns."""
    if found is None or declared is None:
        return PriorityDispatchResult.CONTINUE
    history: History = context.opts["history"]
    seen = {getattr(one, "index_name", getattr(one, "constraint_name", None)) for one in change.ops}
    checks = {str(one["name"]) for one in context.inspector.get_check_constraints(name)}
    models = {key: one for key, one in _rules(declared) if key not in seen}
    before = [(dialect, history.on[dialect.name].get(name, DeclaredTable())) for dialect in DIALECTS]
    for key, one in models.items():
        if isinstance(one, CreateCheckConstraintOp) and key not in checks:
            change.ops.append(one)
            continue
        olds = [(dialect, old) for dialect, table in before if (old := table.rule(key)) is not None]
        if any(statements(old)[by.name] != statements(one)[by.name] for by, old in olds):
            change.ops += [_drop(olds[0][1]), one]
    for key, old in history.on[context.dialect.name].get(name, DeclaredTable()).constraints.items():
        if isinstance(old, CreateCheckConstraintOp) and key in checks and key not in models:
            change.ops.append(_drop(old))
    for column in declared.columns:
        was = _columns(history, name, column.name)
        if column.computed is not None and any(_computed(one, by) != _computed(column, by) for by, one in was):
            change.ops += _computed_anew(name, was[0][1], column, models)
    comments = {table.comment for _, table in before if table.columns}
    if not context.dialect.supports_comments and comments and comments != {declared.comment}:
        (comment,) = comments
        change.ops.append(
            CreateTableCommentOp(name, declared.comment, existing_comment=comment)
            if declared.comment
            else DropTableCommentOp(name, existing_comment=comment)
        )
    return PriorityDispatchResult.CONTINUE


def _rules(table: Table) -> Iterator[tuple[str, AddConstraintOp | CreateIndexOp]]:
    for constraint in table.constraints:
        if constraint.name and not isinstance(constraint, PrimaryKeyConstraint) and not is_of_type(constraint):
            yield str(constraint.name), AddConstraintOp.from_constraint(constraint)
    for index in table.indexes:
        yield str(index.name), CreateIndexOp.from_index(index)


def _computed_anew(
    table: str, old: Column[Any], new: Column[Any], rules: Mapping[str, AddConstraintOp | CreateIndexOp]
) -> Iterator[MigrateOperation]:
    """Drop the column and add it again: no database can change its expression, and no data is lost."""
    if old.computed is None:
        raise CommandError(
            f"{table}.{new.name}: a column that has values of its own cannot become a computed one. Give the computed "
            "column another name, or drop the old one first. No file was written."
        )
    around = [one for one in rules.values() if re.search(rf"\b{re.escape(new.name)}\b", str(statements(one)))]
    yield from (_drop(one) for one in around)
    yield DropColumnOp.from_column_and_tablename(None, table, old)
    yield AddColumnOp(table, new)
    yield from around


def _drop(rule: AddConstraintOp | CreateIndexOp) -> MigrateOperation:
    if isinstance(rule, CreateIndexOp):
        return DropIndexOp.from_index(rule.to_index())
    return DropConstraintOp.from_constraint(rule.to_constraint())


def _columns(history: History, table: str, name: str) -> list[tuple[Dialect, Column[Any]]]:
    """The column as it was declared, for each database."""
    return [
        (dialect, known.columns[name])
        for dialect in DIALECTS
        if (known := history.on[dialect.name].get(table)) and name in known.columns
    ]


def _type(column: Column[Any], dialect: Dialect) -> str:
    return on_dialect(column.type, dialect).compile(dialect=dialect)


def _default(column: Column[Any], dialect: Dialect) -> str | None:
    default: Any = column.server_default
    return value_of(default, dialect) if hasattr(default, "arg") else None


def _computed(column: Column[Any], dialect: Dialect) -> str | None:
    computed: Computed | None = column.computed
    return sql_on(computed.sqltext, dialect) if computed is not None else None
