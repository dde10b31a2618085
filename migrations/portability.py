"""Refuses models that one of the databases cannot store, before a file is written."""

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.util import CommandError
from sqlalchemy import (
    Column,
    Enum,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Sequence,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import CompileError
from sqlalchemy.schema import Constraint, CreateTable
from sqlalchemy.types import TypeEngine

from migrations.rendering import DIALECTS, PRODUCTS, on_dialect

# Types that SQLAlchemy compiles without an error, although the database does not have them.
UNKNOWN_TYPES = {
    "postgresql": {"BINARY", "BLOB", "CLOB", "DATETIME", "NVARCHAR", "VARBINARY"},
    "mysql": {"CLOB"},
    "sqlite": set[str](),
}
MARIADB_KEY_BYTES = 3072
MARIADB_CHARACTER_BYTES = 4
MARIADB_TEXT_LENGTH = 65_535 // MARIADB_CHARACTER_BYTES - 1


def check_models(tables: Iterable[Table]) -> None:
    """Refuse, by table and column, what a revision could not make on every database.

    Raises:
        CommandError: With every fault, one a line, and what to write in its place.
    """
    if faults := [fault for table in tables for fault in _of_table(table)]:
        raise CommandError(
            "\n".join(["Not every database can have what the models ask for:", *(f"  - {fault}" for fault in faults)])
        )


def _of_table(table: Table) -> Iterator[str]:
    if table.schema is not None:
        yield (
            f"{table.fullname}: SQLite and MariaDB have no schemas. Take `schema` away, and let the table's name "
            f"begin with it: {table.schema}_{table.name}"
        )
        return
    found = [f"{table.name}.{column.name}: {fault}" for column in table.columns for fault in _of_column(column)]
    found += [f"{table.name}: {fault}" for index in table.indexes for fault in _of_index(index)]
    found += [f"{table.name}: {fault}" for one in table.constraints for fault in _of_constraint(one)]
    yield from found
    if not found:  # else it would be reported twice, and less clearly
        for dialect in DIALECTS:
            if reason := _refusal(CreateTable(table), dialect):
                yield f"{table.name}: {PRODUCTS[dialect.name]} cannot make this table: {reason}"


def _of_column(column: Column[Any]) -> Iterator[str]:
    if isinstance(column.default, Sequence):
        yield "SQLite has no sequences. Write Identity() in place of the Sequence"
    yield from faults_of_type(column.type)[:1]


def faults_of_type(type_: TypeEngine[Any]) -> list[str]:
    """The reasons why not every database has the type, with what to write in its place."""
    return [fault for dialect in DIALECTS for fault in _of_type(on_dialect(type_, dialect), dialect)]


def _of_type(type_: TypeEngine[Any], dialect: Dialect) -> Iterator[str]:
    product, name = PRODUCTS[dialect.name], type(type_).__name__
    if not type(type_).__module__.startswith("sqlalchemy."):
        yield (
            f"a revision imports nothing of ours, so it cannot have the type {name}. Derive {name} from TypeDecorator, "
            "with a type of SQLAlchemy as its `impl`"
        )
        return
    if isinstance(type_, Enum) and (type_.native_enum or type_.create_constraint):
        yield (
            "no draft can tell that an enumeration of the database, or its CHECK, lacks a new member. Write Enum(...) "
            "of sqlalchemy without `create_constraint`: it is kept as text"
        )
    if isinstance(type_, String) and type_.__visit_name__ != "text" and (type_.length or 0) > MARIADB_TEXT_LENGTH:
        yield f"MariaDB keeps at most {MARIADB_TEXT_LENGTH} characters in a String. Write Text"
    reason = _refusal(type_, dialect)
    if reason and "length" in reason:
        yield f"{product} needs a length. Write {name}(200) for example, or Text if it is in no key"
    elif reason:
        yield f"{product} has no type {name}. Write a type that all have, and `.with_variant({name}(...), '...')`"
    elif dialect.name == "postgresql" and isinstance(type_, Text) and type_.length is not None:
        yield "PostgreSQL's Text has no length. Write Text() for 64 KiB, with_variant(LONGTEXT(), 'mysql') for more"
    elif str(type_.compile(dialect=dialect)).partition("(")[0].split()[0] in UNKNOWN_TYPES[dialect.name]:
        yield f"{product} has no type {name}. Write the type that SQLAlchemy spells in small letters, such as DateTime"


def _of_index(index: Index) -> Iterator[str]:
    if index._ddl_if is not None:  # noqa: SLF001 - SQLAlchemy has no public name for it
        yield f"the index {index.name!r} has `ddl_if`, which no revision file can carry. Take it away"
    if any(not isinstance(one, Column) for one in index.expressions):
        yield (
            f"MariaDB has no index on an expression, such as {index.name!r}. Add a column with "
            "Computed(..., persisted=True), and index that"
        )
        return
    if index.unique and any(index.dialect_kwargs.get(f"{one.name}_where") is not None for one in DIALECTS[:2]):
        yield (
            f"MariaDB has no partial indexes, and would hold the unique {index.name!r} for all rows. Add a column with "
            "Computed(..., persisted=True) that is null for the others, and make that unique"
        )
    if index.dialect_kwargs.get("mysql_length") is None:
        yield from _of_key(f"the index {index.name!r}", index.columns)


def _of_constraint(constraint: Constraint) -> Iterator[str]:
    if constraint._ddl_if is not None:  # noqa: SLF001 - the same
        yield f"the constraint {constraint.name!r} has `ddl_if`, which no revision file can carry. Take it away"
    if isinstance(constraint, ExcludeConstraint):
        yield "only PostgreSQL has an ExcludeConstraint. Look for what collides in the service, behind a lock"
    if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
        yield from _of_key(f"the key {str(constraint.name)!r}", constraint.columns)


def _of_key(key: str, columns: Iterable[Column[Any]]) -> Iterator[str]:
    """MariaDB takes only short text into a key."""
    total = 0
    for column in columns:
        type_ = on_dialect(column.type, DIALECTS[2])
        if isinstance(type_, String | LargeBinary):
            if type_.length is None or type_.__visit_name__ == "text":
                yield f"MariaDB takes no {type(type_).__name__} into a key: make {column.name!r} in {key} a String(...)"
                return
            total += type_.length * (MARIADB_CHARACTER_BYTES if isinstance(type_, String) else 1)
    if total > MARIADB_KEY_BYTES:
        characters = MARIADB_KEY_BYTES // MARIADB_CHARACTER_BYTES
        yield f"MariaDB takes at most {characters} characters into a key, and {key} has more: shorten its columns"


def _refusal(element: CreateTable | TypeEngine[Any], dialect: Dialect) -> str | None:
    try:
        element.compile(dialect=dialect)
    except CompileError as error:
        return str(error).partition("\n")[0].partition(" (Background")[0]
    return None
