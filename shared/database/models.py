"""The base of every module's tables, and the column types that behave alike on every database."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Double, Enum, MetaData, Table, Uuid, event
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator
from uuid_utils.compat import uuid7

# Fixed from the first revision on: a migration can only drop a constraint whose name it knows.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

ENUM_LENGTH = 50


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time with microseconds, always aware and in UTC; only PostgreSQL handles zones by itself."""

    impl = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        # The implementation does not say; paging needs it to read a cursor.
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database: give it a time zone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - signature is SQLAlchemy's
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every model of every module derives from this class, so that all tables share one metadata."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    # MariaDB's FLOAT returns a different number from the one it compares, and its ENUM sorts in one order and compares
    # in another; PostgreSQL's ENUM outlives its table.
    type_annotation_map = {  # noqa: RUF012 - the class attribute SQLAlchemy reads
        datetime: UtcDateTime,
        UUID: Uuid(),
        float: Double(),
    }


@event.listens_for(Column, "before_parent_attach")
def _make_portable(column: Column[Any], table: Table) -> None:
    """Make each `Enum` a VARCHAR, however it is declared, so that a new member needs no revision.

    Make computed columns stored, the only kind in PostgreSQL, and nullable, the only kind in MariaDB.
    """
    if table.metadata is not Base.metadata:
        return
    if type(column.type) is Enum:
        column.type.native_enum = False
        column.type.length = max(ENUM_LENGTH, column.type.length or 0)
    if column.computed is not None and not column.primary_key:
        column.nullable = True
        column.computed.persisted = column.computed.persisted is not False


@event.listens_for(Table, "after_parent_attach")
def _compare_text_byte_by_byte(table: Table, metadata: MetaData) -> None:
    """Make MariaDB compare text as PostgreSQL and SQLite do: by default it takes "é" for "e"."""
    if metadata is Base.metadata:
        table.kwargs.setdefault("mysql_charset", "utf8mb4")
        table.kwargs.setdefault("mysql_collate", "utf8mb4_bin")


Id = Annotated[UUID, mapped_column(primary_key=True, default=uuid7)]
"""A UUIDv7 primary key: `id: Mapped[Id]`."""
