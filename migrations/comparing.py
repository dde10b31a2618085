"""Compares models with a database, which stores types and defaults in its own spelling."""

import re
from typing import Any

from alembic.autogenerate import comparators
from alembic.runtime.migration import MigrationContext
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Column, DefaultClause
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from migrations.rendering import on_dialect, sql_on

SINGLE_PRECISION_BITS = 24
# MariaDB picks one of these by the declared length, in bytes.
SIZES = {"TINY": 2**8, "": 2**16, "MEDIUM": 2**24, "LONG": 2**32}
SPELLINGS = {
    "true": "1.0",
    "false": "0.0",
    "now()": "CURRENT_TIMESTAMP",
    "current_timestamp()": "CURRENT_TIMESTAMP",
    "current_timestamp": "CURRENT_TIMESTAMP",
}
BYTES = {"BLOB": 1, "TEXT": 4}


def compare_type(context: Any, _found: Any, _declared: Any, found: Any, declared: Any) -> bool | None:
    """Alembic's hook: False for the same type, None to let it compare by itself."""
    return _compare_stored(found, declared, context.dialect)


def is_same_type(context: MigrationContext, found: Column[Any], declared: Column[Any]) -> bool:
    """True if the database has the declared type."""
    is_other = _compare_stored(found.type, declared.type, context.dialect)
    return not (context.impl.compare_type(found, declared) if is_other is None else is_other)


def _compare_stored(found: Any, declared: Any, dialect: Dialect) -> bool | None:
    if dialect.name == "sqlite":
        return None
    return False if _stored(found, dialect) == _stored(declared, dialect) else None


def _stored(type_: TypeEngine[Any], dialect: Dialect) -> str:
    """The type as the database stores it."""
    written = on_dialect(type_, dialect).compile(dialect=dialect)
    if real := re.fullmatch(r"(FLOAT|REAL|DOUBLE|DOUBLE PRECISION)(?:\((\d+)\))?", written):
        plain = {"FLOAT": dialect.name == "postgresql", "REAL": dialect.name == "mysql"}
        is_double = int(real[2]) > SINGLE_PRECISION_BITS if real[2] else plain.get(real[1], True)
        return "DOUBLE" if is_double else "FLOAT"
    if dialect.name == "mysql" and (large := re.fullmatch(r"(BLOB|TEXT)\((\d+)\)", written)):
        length = int(large[2]) * BYTES[large[1]]
        return next(f"{size}{large[1]}" for size, limit in SIZES.items() if length < limit)
    return written


@comparators.dispatch_for("column", subgroup="server_default", priority=DispatchPriority.FIRST)
def _compare_server_default(
    context: Any, change: Any, _schema: Any, _table: Any, _name: Any, found: Any, declared: Any
) -> PriorityDispatchResult:
    """Compare constants by value, and other expressions only by whether there is one.

    This is a comparator since Alembic calls `compare_server_default=...` for computed columns, too, and fails.
    """
    change.existing_server_default = found.server_default
    if declared.identity is not None and context.dialect.name != "postgresql":
        return PriorityDispatchResult.STOP  # the other databases have none
    if declared.computed is not None and found.computed is not None:
        return PriorityDispatchResult.STOP  # see migrations/unseen.py
    if not all(isinstance(one.server_default, DefaultClause | None) for one in (found, declared)):
        return PriorityDispatchResult.CONTINUE
    before, after = (value_of(one.server_default, context.dialect) for one in (found, declared))
    is_known = before is None or after is None or "(" not in before + after
    if is_known and before != after:
        change.modify_server_default = declared.server_default
    return PriorityDispatchResult.STOP


def value_of(default: DefaultClause | None, dialect: Dialect) -> str | None:
    """A constant without the quotes and the cast of a database."""
    if default is None:
        return None
    if isinstance(default.arg, str):
        return _known(default.arg)
    plain = re.sub(r"::[\w ]+(\(\d+\))?(\[\])?$", "", sql_on(default.arg, dialect).strip())
    while plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1].strip()
    if quoted := re.fullmatch(r"'(.*)'", plain, re.DOTALL):
        plain = quoted[1].replace("''", "'").replace("\\'", "'")
    return _known(plain)


def _known(plain: str) -> str:
    if re.fullmatch(r"-?\d+(\.\d*)?", plain):
        return str(float(plain))
    return SPELLINGS.get(plain.lower(), plain)
