"""Classifies refusals alike on every database: a broken constraint, or a value that cannot be stored."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from shared.database.models import NAMING_CONVENTION, Base

# SQLite's by name, PostgreSQL's by SQLSTATE, MariaDB's by number.
NOT_NULL = {"SQLITE_CONSTRAINT_NOTNULL", "23502", 1048}
INTEGRITY = "23"
# Raised by a module's trigger. SQLite reports it as a constraint.
OWN_RULE = {"P0001", 1644}
# Too long, out of range, no date, no UTF-8.
UNSTORABLE = {"22001", "22003", "22007", "22008", "22021", "22P05"}
# asyncpg checks the values before it sends them, and raises one class for all faults.
UNSTORABLE_BY_ASYNCPG = re.compile(r"\(value out of \w+ range\)|surrogates not allowed\)")

NAMED_BY_MARIADB = re.compile(r"CONSTRAINT `([^`]+)` (?:FOREIGN KEY|failed)|for key '(?:\w+\.)?(\w+)'$")
NAMED_BY_SQLITE = re.compile(r"(UNIQUE|CHECK) constraint failed: (?:index ')?([^']+)")
STATEMENT = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM) [\"`]?(\w+)")


@contextmanager
def failing_as(failures: Mapping[str, type[Exception]]) -> Iterator[None]:
    """Raise a failure of your own for a broken constraint: `{"uq_users_email_key": EmailTaken}`.

    The constraint decides, not a query beforehand: of two requests at once only one succeeds. Every other constraint
    remains a 409 `conflict` with its name in the log.
    """
    try:
        yield
    except DBAPIError as error:
        failure = failures.get(constraint_of(error) or "") if breaks_constraint(error) else None
        if failure is None:
            raise
        raise failure from None


def breaks_constraint(error: BaseException) -> bool:
    """True for a unique constraint, a foreign key, a check, an exclusion, and for a trigger's own error.

    False for NOT NULL: a column that is left empty is a bug of ours.
    """
    if not isinstance(error, DBAPIError):
        return False
    # MariaDB's driver raises OperationalError for a broken check.
    is_integrity = isinstance(error, IntegrityError) or _sqlstate(error).startswith(INTEGRITY)
    codes = _codes(error)
    return not OWN_RULE.isdisjoint(codes) or (is_integrity and NOT_NULL.isdisjoint(codes))


def is_unstorable(error: BaseException) -> bool:
    """True if a value does not fit its column, or any column."""
    if isinstance(error, StatementError) and isinstance(error.orig, OverflowError):
        return True  # a time that Python cannot represent, before anything is sent
    if not isinstance(error, DBAPIError):
        return False
    kind = type(error.orig)
    if (kind.__module__, kind.__name__) == ("sqlite3", "DataError") or _sqlstate(error) in UNSTORABLE:
        return True
    return _sqlstate(error) == "22000" and UNSTORABLE_BY_ASYNCPG.search(str(error.orig)) is not None


def constraint_of(error: BaseException) -> str | None:
    """The name of the constraint that an exception of SQLAlchemy reports.

    SQLite does not say which foreign key; if there are several candidates, all are listed: `fk_a or fk_b`.
    """
    orig = getattr(error, "orig", None)
    if orig is None:
        return None
    if name := getattr(orig.__cause__, "constraint_name", None):  # PostgreSQL
        return str(name)
    text, statement = str(orig.args[-1]) if orig.args else "", getattr(error, "statement", None) or ""
    verb, table = match.groups() if (match := STATEMENT.match(statement)) else ("", "")
    if hasattr(orig, "sqlite_errorname"):
        return _named_by_sqlite(orig.sqlite_errorname, text, verb, table)
    name = next(filter(None, match.groups()), None) if (match := NAMED_BY_MARIADB.search(text)) else None
    return _primary_key(table) if name == "PRIMARY" else name


def _named_by_sqlite(code: str, text: str, verb: str, table: str) -> str | None:
    if code == "SQLITE_CONSTRAINT_FOREIGNKEY":
        return " or ".join(sorted(_foreign_keys(verb, table))) or None
    if (match := NAMED_BY_SQLITE.match(text)) is None:
        return None
    kind, what = match.groups()
    if kind == "CHECK" or "." not in what:
        return what
    columns = [one.rpartition(".")[2] for one in what.split(", ")]
    table = what.partition(".")[0]
    if code == "SQLITE_CONSTRAINT_PRIMARYKEY":
        return _primary_key(table)
    known = Base.metadata.tables.get(table)
    if known is not None:
        unique: list[UniqueConstraint | Index] = [one for one in known.constraints if isinstance(one, UniqueConstraint)]
        for one in [*unique, *(index for index in known.indexes if index.unique)]:
            if one.name and sorted(one.columns.keys()) == sorted(columns):
                return str(one.name)
    return NAMING_CONVENTION["uq"] % {"table_name": table, "column_0_N_name": "_".join(columns)}


def _foreign_keys(verb: str, table: str) -> Iterator[str]:
    for one in Base.metadata.tables.values():
        for key in one.foreign_key_constraints:
            is_own = one.name == table and verb != "DELETE FROM"
            is_of_others = _target(key) == table and verb != "INSERT INTO" and key.ondelete is None
            if key.name and (is_own or is_of_others):
                yield str(key.name)


def _target(key: ForeignKeyConstraint) -> str:
    return key.elements[0].target_fullname.rpartition(".")[0]


def _primary_key(table: str) -> str:
    known: Table | None = Base.metadata.tables.get(table)
    name = known.primary_key.name if known is not None else None
    return str(name) if name else NAMING_CONVENTION["pk"] % {"table_name": table}


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _codes(error: DBAPIError) -> set[Any]:
    orig: Any = error.orig
    return {getattr(orig, "sqlite_errorname", None), _sqlstate(error), *orig.args[:1]}
