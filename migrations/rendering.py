"""Writes types and defaults into a draft so that they mean the same on every database, wherever it was drafted."""

import re
from typing import Any, Literal

from alembic.autogenerate.render import (
    _repr_type,  # Alembic has no public name for it
)
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.operations.ops import CreateIndexOp
from sqlalchemy import DefaultClause, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ClauseElement, False_, TextClause, True_
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Interval, TypeDecorator, TypeEngine
from sqlalchemy.util import generic_repr
from typing_extensions import TypeIs

DIALECTS: tuple[Dialect, ...] = (
    sqlite.dialect(),
    postgresql.dialect(),  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    mysql.dialect(),
)
PRODUCTS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}

# Without a connection: it only writes PostgreSQL's types, also in drafts on another database.
_postgres = PostgresqlImpl.__new__(PostgresqlImpl)


def render_item(type_: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Alembic's hook. A migration imports nothing of ours, so our types are written as SQLAlchemy's inside them."""
    if type_ == "type":
        return _type(item, autogen_context)
    if type_ == "server_default" and isinstance(item, DefaultClause) and isinstance(item.arg, ClauseElement):
        return _default(item.arg)
    return False


def on_dialect(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    """SQLAlchemy's type behind this one, on a database."""
    type_ = type_._variant_mapping.get(dialect.name, type_)  # noqa: SLF001 - SQLAlchemy has no public name for it
    if _is_ours(type_):
        plain: Any = _Plain(dialect)
        return on_dialect(type_.load_dialect_impl(plain), dialect)
    if type_._variant_mapping:  # noqa: SLF001 - the same
        type_ = type_.copy()
        type_._variant_mapping = type_._variant_mapping.__class__()  # noqa: SLF001 - the same
    return type_


class _Plain:
    """A dialect that returns types unchanged, and not as its driver adapts them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dialect, name)

    def type_descriptor(self, type_: TypeEngine[Any]) -> TypeEngine[Any]:
        return type_


def _is_ours(type_: TypeEngine[Any]) -> TypeIs[TypeDecorator[Any]]:
    return isinstance(type_, TypeDecorator) and not type(type_).__module__.startswith("sqlalchemy.")


def _type(type_: TypeEngine[Any], context: Any) -> str | Literal[False]:
    if isinstance(type_, Interval):
        return f"sa.{generic_repr(type_)}"  # its repr has no arguments
    if not _is_ours(type_) and not type_._variant_mapping:  # noqa: SLF001 - see on_dialect
        written = _postgres.render_type(type_, context)
        if written and context.imports is not None:
            context.imports.add("from sqlalchemy.dialects import postgresql")
        return written
    by_dialect = {dialect.name: _repr_type(on_dialect(type_, dialect), context) for dialect in DIALECTS}
    base = by_dialect["sqlite"]
    if base not in (by_dialect["postgresql"], by_dialect["mysql"]):
        base = by_dialect["postgresql"]
    variants = [f".with_variant({text}, {name!r})" for name, text in by_dialect.items() if text != base]
    return base + "".join(variants)


def _default(value: ClauseElement) -> str | Literal[False]:
    """A default for every database; Alembic would write that of the draft's: `now()`, which SQLite does not know."""
    if isinstance(value, True_ | False_):
        return f"sa.{'true' if isinstance(value, True_) else 'false'}()"
    if isinstance(value, FunctionElement) and not list(value.clauses):
        return f"sa.func.{value.name}()"
    sql = sql_on(value, DIALECTS[0])
    if any(sql_on(value, dialect) != sql for dialect in DIALECTS):
        return False
    # SQLite requires parentheses around all but constants, and the others accept them.
    is_plain = re.fullmatch(r"\(.*\)|[^()]*", sql, re.DOTALL) and isinstance(value, TextClause)
    return f"sa.text({sql if is_plain else f'({sql})'!r})"


def write_conditions(index: CreateIndexOp) -> None:
    """Write a partial index's condition in each database's SQL; Alembic would write only the draft's: `live IS 1`."""
    for dialect in DIALECTS:
        condition = index.kw.get(f"{dialect.name}_where")
        if isinstance(condition, ClauseElement):
            index.kw[f"{dialect.name}_where"] = text(sql_on(condition, dialect))


def sql_on(value: ClauseElement, dialect: Dialect) -> str:
    return str(value.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
