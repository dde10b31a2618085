"""The models of before.py, with every kind of change."""

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, func
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.database import Base, Id


class Tags(TypeDecorator[list[str]]):
    """An array where there are arrays."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.ARRAY(String(30)))
        return dialect.type_descriptor(sa.JSON())


class Money(TypeDecorator[Decimal]):
    impl = sa.Numeric(12, 2)
    cache_ok = True


class Status(enum.Enum):
    OPEN = "open"
    DONE = "done"
    ABANDONED_FOR_ANOTHER = "abandoned"


class Kinds(Base):
    """Every type of column."""

    __tablename__ = "kinds"

    id: Mapped[Id]
    whole: Mapped[int | None] = mapped_column(sa.BigInteger)
    big: Mapped[int] = mapped_column(sa.BigInteger)
    no: Mapped[bool | None]
    day: Mapped[date]
    hour: Mapped[time]
    at: Mapped[datetime | None]
    zoned: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    naive: Mapped[datetime] = mapped_column(sa.DateTime)
    took_exactly: Mapped[timedelta] = mapped_column(sa.Interval(second_precision=3))
    real: Mapped[float]
    single: Mapped[float] = mapped_column(sa.Float)
    short: Mapped[float] = mapped_column(sa.Float(24))
    exact: Mapped[float] = mapped_column(sa.Float(53))
    real_number: Mapped[float] = mapped_column(sa.REAL)
    price: Mapped[Decimal] = mapped_column(sa.Numeric(14, 4))
    amount: Mapped[Decimal] = mapped_column(Money)
    raw_limited: Mapped[bytes] = mapped_column(sa.LargeBinary(16))
    pickled: Mapped[Any] = mapped_column(sa.PickleType)
    name: Mapped[str | None] = mapped_column(String(200))
    wide: Mapped[str] = mapped_column(sa.Unicode(80))
    story: Mapped[str] = mapped_column(sa.Text)
    film: Mapped[bytes] = mapped_column(sa.LargeBinary(100_000))
    wide_story: Mapped[str] = mapped_column(sa.UnicodeText)
    fixed: Mapped[str] = mapped_column(sa.CHAR(3))
    sorted: Mapped[str] = mapped_column(String(20).with_variant(String(20, collation="POSIX"), "postgresql"))
    key: Mapped[UUID | None]
    added_status: Mapped[Status | None]
    added_took: Mapped[timedelta | None]
    added_tags: Mapped[list[str] | None] = mapped_column(Tags)
    key_as_text: Mapped[UUID] = mapped_column(sa.Uuid(native_uuid=False))
    status: Mapped[Status]
    explicit: Mapped[Status | None] = mapped_column(sa.Enum(Status))
    listed: Mapped[str] = mapped_column(sa.Enum("red", "green", name="colour"))
    literal: Mapped[Literal["one", "two"]]
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    data_indexed: Mapped[dict[str, Any]] = mapped_column(sa.JSON().with_variant(postgresql.JSONB(), "postgresql"))
    data_changing: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(sa.JSON(none_as_null=True)))
    numbers: Mapped[list[int]] = mapped_column(sa.JSON().with_variant(sa.ARRAY(sa.Integer), "postgresql"))
    nested: Mapped[list[Decimal]] = mapped_column(sa.JSON().with_variant(postgresql.ARRAY(Money), "postgresql"))
    words: Mapped[str] = mapped_column(sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"))
    address: Mapped[str] = mapped_column(String(45).with_variant(postgresql.INET(), "postgresql"))
    long: Mapped[str] = mapped_column(sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql"))


class Defaults(Base):
    """Server defaults, computed columns, comments."""

    __tablename__ = "defaults"
    __table_args__ = ({"comment": "what the database fills in by itself"},)

    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    text: Mapped[str] = mapped_column(String(20), server_default="its")
    empty: Mapped[str] = mapped_column(String(20), server_default="")
    number: Mapped[int] = mapped_column(server_default="8")
    number_text: Mapped[int]
    on: Mapped[bool] = mapped_column(server_default=sa.false())
    off: Mapped[bool] = mapped_column(server_default=sa.false())
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2), server_default="0.50")
    now: Mapped[datetime]
    then: Mapped[datetime] = mapped_column(server_default=func.now())
    current: Mapped[datetime] = mapped_column(sa.DateTime, server_default=func.current_timestamp())
    from_text: Mapped[datetime] = mapped_column(sa.DateTime, server_default=sa.text("CURRENT_TIMESTAMP"))
    status: Mapped[Status] = mapped_column(server_default="OPEN")
    side: Mapped[int] = mapped_column(comment="in millimetres")
    cube: Mapped[int] = mapped_column(sa.Computed("side * side * side"))
    square: Mapped[int] = mapped_column(sa.Computed("side * side * 2", persisted=True))
    sum: Mapped[int] = mapped_column(server_default=sa.text("(1 + 2)"))


class Parent(Base):
    """Constraints and indexes."""

    __tablename__ = "parents"
    __table_args__ = (
        sa.UniqueConstraint("name", "stock"),
        sa.CheckConstraint("number > 0", name="number"),
        sa.CheckConstraint(sa.column("stock") < 2000, name="stock_limit"),
        Index(None, "region", "live"),
        Index("ix_parents_some", "stock", postgresql_where=sa.text("stock > 6"), sqlite_where=sa.text("stock > 6")),
        Index("ix_parents_on", "name", postgresql_where=sa.column("live").is_(sa.true())),
    )

    region: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80), index=True)
    code: Mapped[str] = mapped_column(String(12))
    stock: Mapped[int]
    live: Mapped[bool]


class Child(Base):
    """A composite key, and one to the table itself."""

    __tablename__ = "children"
    __table_args__ = (
        sa.ForeignKeyConstraint(["region", "number"], ["parents.region", "parents.number"], ondelete="CASCADE"),
    )

    id: Mapped[Id]
    region: Mapped[str] = mapped_column(String(20))
    number: Mapped[int]
    older_id: Mapped[UUID | None] = mapped_column(ForeignKey("children.id", ondelete="CASCADE"))
    younger_id: Mapped[UUID | None] = mapped_column(ForeignKey("children.id"))


class Author(Base):
    """A circle, with `use_alter` in one of the two."""

    __tablename__ = "authors"

    id: Mapped[Id]
    best_id: Mapped[UUID | None] = mapped_column(ForeignKey("books.id", use_alter=True))


class Book(Base):
    __tablename__ = "books"

    id: Mapped[Id]
    author_id: Mapped[UUID] = mapped_column(ForeignKey("authors.id", ondelete="CASCADE"))


class Club(Base):
    """A circle that comes later, beside one that goes."""

    __tablename__ = "clubs"

    id: Mapped[Id]
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("owners.id"))


class Owner(Base):
    __tablename__ = "owners"

    id: Mapped[Id]
    club_id: Mapped[UUID] = mapped_column(ForeignKey("clubs.id"))
    book_id: Mapped[UUID | None] = mapped_column(ForeignKey("books.id"), unique=True)


memberships = sa.Table(
    "memberships",
    Base.metadata,
    sa.Column("author_id", ForeignKey("authors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("club_id", ForeignKey("clubs.id", ondelete="CASCADE"), primary_key=True),
)
