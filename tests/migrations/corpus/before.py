"""Models of every kind that SQLAlchemy's documentation shows; each is drafted on one database and made on all."""

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


class Level(enum.StrEnum):
    LOW = "low"
    HIGH = "high"


class Kinds(Base):
    """Every type of column."""

    __tablename__ = "kinds"

    id: Mapped[Id]
    whole: Mapped[int]
    small: Mapped[int] = mapped_column(sa.SmallInteger)
    big: Mapped[int] = mapped_column(sa.BigInteger)
    yes: Mapped[bool]
    day: Mapped[date]
    hour: Mapped[time]
    at: Mapped[datetime]
    zoned: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    naive: Mapped[datetime] = mapped_column(sa.DateTime)
    took: Mapped[timedelta]
    took_exactly: Mapped[timedelta] = mapped_column(sa.Interval(second_precision=3))
    real: Mapped[float]
    single: Mapped[float] = mapped_column(sa.Float)
    short: Mapped[float] = mapped_column(sa.Float(24))
    exact: Mapped[float] = mapped_column(sa.Float(53))
    real_number: Mapped[float] = mapped_column(sa.REAL)
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    amount: Mapped[Decimal] = mapped_column(Money)
    raw: Mapped[bytes]
    raw_limited: Mapped[bytes] = mapped_column(sa.LargeBinary(16))
    pickled: Mapped[Any] = mapped_column(sa.PickleType)
    name: Mapped[str] = mapped_column(String(80))
    wide: Mapped[str] = mapped_column(sa.Unicode(80))
    story: Mapped[str] = mapped_column(sa.Text)
    film: Mapped[bytes] = mapped_column(sa.LargeBinary(100_000))
    wide_story: Mapped[str] = mapped_column(sa.UnicodeText)
    fixed: Mapped[str] = mapped_column(sa.CHAR(3))
    sorted: Mapped[str] = mapped_column(String(20).with_variant(String(20, collation="C"), "postgresql"))
    key: Mapped[UUID]
    key_as_text: Mapped[UUID] = mapped_column(sa.Uuid(native_uuid=False))
    status: Mapped[Status]
    level: Mapped[Level | None]
    explicit: Mapped[Status] = mapped_column(sa.Enum(Status))
    listed: Mapped[str] = mapped_column(sa.Enum("red", "green", name="colour"))
    literal: Mapped[Literal["one", "two"]]
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    data_indexed: Mapped[dict[str, Any]] = mapped_column(sa.JSON().with_variant(postgresql.JSONB(), "postgresql"))
    data_changing: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(sa.JSON(none_as_null=True)))
    tags: Mapped[list[str]] = mapped_column(Tags)
    numbers: Mapped[list[int]] = mapped_column(sa.JSON().with_variant(sa.ARRAY(sa.Integer), "postgresql"))
    nested: Mapped[list[Decimal]] = mapped_column(sa.JSON().with_variant(postgresql.ARRAY(Money), "postgresql"))
    words: Mapped[str] = mapped_column(sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"))
    address: Mapped[str] = mapped_column(String(45).with_variant(postgresql.INET(), "postgresql"))
    long: Mapped[str] = mapped_column(sa.Text().with_variant(mysql.LONGTEXT(), "mysql"))
    tiny: Mapped[int] = mapped_column(sa.SmallInteger().with_variant(mysql.TINYINT(), "mysql"))


class Defaults(Base):
    """Server defaults, computed columns, comments."""

    __tablename__ = "defaults"
    __table_args__ = ({"comment": "what the database fills in"},)

    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    text: Mapped[str] = mapped_column(String(20), server_default="it's")
    empty: Mapped[str] = mapped_column(String(20), server_default="")
    number: Mapped[int] = mapped_column(server_default="7")
    number_text: Mapped[int] = mapped_column(server_default=sa.text("7"))
    on: Mapped[bool] = mapped_column(server_default=sa.true())
    off: Mapped[bool] = mapped_column(server_default=sa.false())
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2), server_default="0.50")
    now: Mapped[datetime] = mapped_column(server_default=func.now())
    current: Mapped[datetime] = mapped_column(sa.DateTime, server_default=func.current_timestamp())
    from_text: Mapped[datetime] = mapped_column(sa.DateTime, server_default=sa.text("CURRENT_TIMESTAMP"))
    status: Mapped[Status] = mapped_column(server_default="OPEN")
    side: Mapped[int] = mapped_column(comment="in 'centimetres'")
    square: Mapped[int] = mapped_column(sa.Computed("side * side", persisted=True))
    sum: Mapped[int] = mapped_column(server_default=sa.text("(1 + 1)"))
    gone: Mapped[str] = mapped_column(String(20), server_default="it's", comment="gone")


class Parent(Base):
    """Constraints and indexes."""

    __tablename__ = "parents"
    __table_args__ = (
        sa.UniqueConstraint("name", "region"),
        sa.CheckConstraint("stock >= 0", name="stock"),
        sa.CheckConstraint(sa.column("stock") < 1000, name="stock_limit"),
        Index(None, "region", "stock"),
        Index("ix_parents_some", "stock", postgresql_where=sa.text("stock > 5"), sqlite_where=sa.text("stock > 5")),
        Index("ix_parents_on", "name", postgresql_where=sa.column("live").is_(sa.true())),
    )

    region: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80), index=True)
    code: Mapped[str] = mapped_column(String(10), unique=True)
    stock: Mapped[int]
    live: Mapped[bool]


class Gone(Base):
    """One that goes, with all that a table may have."""

    __tablename__ = "gone"
    __table_args__ = (
        sa.UniqueConstraint("name", "status"),
        sa.CheckConstraint("number > 0", name="number"),
        Index("ix_gone_some", "number", postgresql_where=sa.text("number > 5"), sqlite_where=sa.text("number > 5")),
        {"comment": "what goes"},
    )

    id: Mapped[Id]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("gone.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(20), server_default="it's", comment="its name")
    number: Mapped[int]
    double: Mapped[int] = mapped_column(sa.Computed("number * 2"))
    status: Mapped[Status]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    raw: Mapped[bytes]
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON().with_variant(postgresql.JSONB(), "postgresql"))
    long: Mapped[str] = mapped_column(sa.Text().with_variant(mysql.LONGTEXT(), "mysql"))


class Child(Base):
    """A composite key, and one to the table itself."""

    __tablename__ = "children"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["region", "number"], ["parents.region", "parents.number"], ondelete="CASCADE", onupdate="CASCADE"
        ),
    )

    id: Mapped[Id]
    region: Mapped[str] = mapped_column(String(20))
    number: Mapped[int]
    older_id: Mapped[UUID | None] = mapped_column(ForeignKey("children.id", ondelete="SET NULL"), index=True)
    younger_id: Mapped[UUID | None] = mapped_column(ForeignKey("children.id"), index=True)


class Author(Base):
    """A circle, with `use_alter` in one of the two."""

    __tablename__ = "authors"

    id: Mapped[Id]
    best_id: Mapped[UUID | None] = mapped_column(ForeignKey("books.id", use_alter=True))


class Book(Base):
    __tablename__ = "books"

    id: Mapped[Id]
    author_id: Mapped[UUID] = mapped_column(ForeignKey("authors.id", ondelete="CASCADE"))


class Team(Base):
    """A circle without."""

    __tablename__ = "teams"

    id: Mapped[Id]
    leader_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"))


class Member(Base):
    __tablename__ = "members"

    id: Mapped[Id]
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))


links = sa.Table(
    "links",
    Base.metadata,
    sa.Column("author_id", ForeignKey("authors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("team_id", ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
)
