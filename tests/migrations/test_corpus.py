"""What the models declare is what a draft makes, on whichever database it was drafted and on whichever it runs."""

from pathlib import Path

import pytest

from shared.testing import databases
from tests.migrations.commands import Checkout
from tests.migrations.everywhere import on_all, shapes
from tests.migrations.written import write_module

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("drafted_on", databases.available())
def test_a_draft_makes_what_the_models_declare_on_every_database(
    everywhere: dict[str, Checkout], drafted_on: str
) -> None:
    models = write_module(everywhere[drafted_on], "shop") / "models.py"
    on_all(everywhere, "upgrade users@head", "upgrade auth@head")
    shop = models.parent / "migrations"
    for version, base in ("before", "shop@base"), ("after", "shop@-1"):
        before = shapes(everywhere)
        models.write_text((CORPUS / f"{version}.py").read_text(encoding="utf-8"), encoding="utf-8")
        everywhere[drafted_on].alembic("revision", "--autogenerate", "-m", version)
        on_all(everywhere, "upgrade heads", "check")
        made = shapes(everywhere)
        on_all(everywhere, f"downgrade {base}")
        assert shapes(everywhere) == before
        on_all(everywhere, "upgrade heads", "check")
        assert shapes(everywhere) == made
    assert len(list(shop.glob("*.py"))) == 2


REFUSED = """
class Point(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **kw):
        return "POINT"


class Thing(Base):
    __tablename__ = "things"
    __table_args__ = (
        Index("ix_things_lower", func.lower(sa.column("name"))),
        Index("uq_things_live", "name", unique=True, sqlite_where=sa.text("size > 1")),
        Index("ix_things_gin", "size").ddl_if(dialect="postgresql"),
        Index("ix_things_long", "long"),
    )

    id: Mapped[Id]
    name: Mapped[str]
    size: Mapped[int] = mapped_column(sa.Integer, sa.Sequence("sizes"))
    long: Mapped[str] = mapped_column(sa.String(1000))
    huge: Mapped[str] = mapped_column(sa.String(20_000))
    text_key: Mapped[str] = mapped_column(sa.Text, unique=True)
    array: Mapped[list[int]] = mapped_column(sa.ARRAY(sa.Integer))
    search: Mapped[str] = mapped_column(postgresql.TSVECTOR)
    data: Mapped[str] = mapped_column(postgresql.JSONB)
    old: Mapped[datetime] = mapped_column(sa.DATETIME)
    point: Mapped[str] = mapped_column(Point)
    status: Mapped[str] = mapped_column(sa.Enum("a", "b", name="kind", create_constraint=True))
    native: Mapped[str] = mapped_column(postgresql.ENUM("a", "b", name="kind"))


class Elsewhere(Base):
    __tablename__ = "elsewhere"
    __table_args__ = {"schema": "old"}

    id: Mapped[Id]


class Excluded(Base):
    __tablename__ = "excluded"
    __table_args__ = (postgresql.ExcludeConstraint(("room", "="), name="room"),)

    id: Mapped[Id]
    room: Mapped[int]
"""


def test_what_a_database_cannot_have_is_refused_by_name(sqlite_project: Checkout) -> None:
    imports = (CORPUS / "before.py").read_text(encoding="utf-8").partition("class Tags")[0]
    imports += "from sqlalchemy.types import UserDefinedType\n"
    models = write_module(sqlite_project, "shop") / "models.py"
    models.write_text(imports + REFUSED, encoding="utf-8")
    sqlite_project.alembic("upgrade", "users@head", "&&", "upgrade", "auth@head")
    before = sqlite_project.changed_files()

    refusal = sqlite_project.refusal("revision", "--autogenerate", "-m", "things")

    for fault in (
        "things.name: MariaDB needs a length. Write String(200)",
        "things.size: SQLite has no sequences",
        "things.huge: MariaDB keeps at most",
        "things.array: SQLite has no type ARRAY. Write a type that all have, and `.with_variant(ARRAY",
        "things.search: SQLite has no type TSVECTOR",
        "things.data: MariaDB has no type JSONB",
        "things.old: PostgreSQL has no type DATETIME",
        "things.point: a revision imports nothing of ours, so it cannot have the type Point",
        "things.status: no draft can tell",
        "things.native: no draft can tell",
        "things: MariaDB has no index on an expression, such as 'ix_things_lower'",
        "things: MariaDB has no partial indexes, and would hold the unique 'uq_things_live' for all rows",
        "things: the index 'ix_things_gin' has `ddl_if`",
        "things: MariaDB takes at most 768 characters into a key, and the index 'ix_things_long' has more",
        "things: MariaDB takes no Text into a key: make 'text_key'",
        "old.elsewhere: SQLite and MariaDB have no schemas",
        "excluded: only PostgreSQL has an ExcludeConstraint",
    ):
        assert fault in refusal
    assert sqlite_project.changed_files() == before
