"""What a draft knows of the past stands in the revision files, and not in the database that it is drafted on."""

from uuid import uuid4

import pytest
from sqlalchemy import make_url

from shared.testing import databases
from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.everywhere import on_all, shapes
from tests.migrations.written import edit, revision, write_module, write_revision

MAKE = """\
op.create_table(
        "olds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(20), nullable=False, server_default="it's"),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("long", sa.Text().with_variant(mysql.LONGTEXT(), "mysql"), nullable=False, comment="old"),
        sa.CheckConstraint("number < 9", name="small"),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_index("ix_things_title", "olds", ["name"])
    with op.batch_alter_table("olds") as batch_op:
        batch_op.drop_constraint(op.f("ck_olds_small"), type_="check")
        batch_op.create_check_constraint(op.f("ck_things_number"), "number > 0")
        batch_op.alter_column("name", existing_type=sa.String(20), new_column_name="title", existing_nullable=False,
            existing_server_default="it's")
    op.rename_table("olds", "things")
    op.execute("ALTER TABLE things ADD COLUMN note VARCHAR(20)")
    connection = op.get_bind()
    for row in connection.execute(sa.text("SELECT id FROM things")):
        connection.execute(sa.text("DELETE FROM things WHERE id = :id"), {"id": row.id})
    if connection.execute(sa.text("SELECT count(*) FROM things")).scalar():
        raise ValueError
    recreate = "always" if connection.dialect.name == "sqlite" else "auto"
    with op.batch_alter_table("things", recreate=recreate) as batch_op:
        batch_op.alter_column("title", existing_type=sa.String(20), type_=sa.String(30), existing_nullable=False,
            existing_server_default="it's")
        batch_op.alter_column("long", existing_type=sa.Text().with_variant(mysql.LONGTEXT(), "mysql"),
            existing_nullable=False, existing_comment="old", comment="long")"""
KEPT = """

class Thing(Base):
    __tablename__ = "things"

    id: Mapped[Id]
    number: Mapped[int]"""
GONE = """
    __table_args__ = (sa.CheckConstraint("number > 0", name="number"), sa.Index("ix_things_title", "title"))
    title: Mapped[str] = mapped_column(String(30), server_default="it's")
    data: Mapped[bytes]
    long: Mapped[str] = mapped_column(sa.Text().with_variant(mysql.LONGTEXT(), "mysql"), comment="long")
    note: Mapped[str | None] = mapped_column(String(20))"""
# One that only this database has.
ODD = {"sqlite": "CHAR(32)", "postgresql": "JSONB", "mysql": "LONGTEXT"}
UUIDS = {"sqlite": "CHAR(32)", "postgresql": "UUID", "mysql": "UUID"}


def backend_of(project: Checkout) -> str:
    return make_url(project.database).get_backend_name()


@pytest.mark.parametrize("drafted_on", databases.available())
def test_what_a_draft_takes_away_comes_back_as_it_was_declared(
    everywhere: dict[str, Checkout], drafted_on: str
) -> None:
    folder = write_module(everywhere[drafted_on], "shop", KEPT, GONE)
    edit(folder / "models.py", "from uuid", "import sqlalchemy as sa\nfrom sqlalchemy.dialects import mysql\nfrom uuid")
    text = revision("shop_0000000a", label="shop", do=MAKE, undo='op.drop_table("things")')
    write_revision(folder, "2026_make", f"from sqlalchemy.dialects import mysql\n{text}")
    on_all(everywhere, "upgrade heads", "check")
    before = shapes(everywhere)
    edit(folder / "models.py", GONE, "")

    everywhere[drafted_on].alembic("revision", "--autogenerate", "-m", "drop them")

    on_all(everywhere, "upgrade heads", "check", "downgrade shop@-1")
    assert shapes(everywhere) == before
    on_all(everywhere, "upgrade heads", "check")


def test_what_no_revision_declares_and_no_other_database_has_is_not_drafted(project: Checkout) -> None:
    odd = ODD[backend_of(project)]
    folder = write_module(project, "shop", KEPT)
    make = (
        'op.create_table("things", sa.Column("id", sa.Uuid(), primary_key=True), sa.Column("number", sa.Integer(), '
        f'nullable=False))\n    op.execute("ALTER TABLE things ADD COLUMN odd {odd}")'
    )
    write_revision(folder, "2026_make", revision("shop_0000000a", label="shop", do=make))
    project.alembic("upgrade", "heads")
    before = project.changed_files()

    refusal = project.refusal("revision", "--autogenerate", "-m", "drop it")

    assert "things.odd: no revision declares" in refusal
    assert "Write this change by hand" in refusal
    assert project.changed_files() == before


def test_a_check_changes_no_row_and_leaves_alone_what_only_sql_made(project: Checkout) -> None:
    folder = write_module(project, "shop", KEPT)
    insert = "INSERT INTO things VALUES ('{}', {})"
    make = f"""\
op.execute("CREATE TABLE things (id {UUIDS[backend_of(project)]} NOT NULL PRIMARY KEY, number INTEGER NOT NULL,"
        " CONSTRAINT ck_things_own CHECK (number > 0))")
    op.execute({insert.format(uuid4().hex, 1)!r})
    op.get_bind().execute(sa.text({insert.format(uuid4().hex, 2)!r}))
    context.execute({insert.format(uuid4().hex, 3)!r})
    context.get_bind().execute(sa.text({insert.format(uuid4().hex, 4)!r}))"""
    text = revision("shop_0000000a", label="shop", do=make)
    write_revision(folder, "2026_make", f"from alembic import context\n{text}")

    project.alembic("upgrade", "heads", "&&", "check")

    assert execute(project.database, "SELECT number FROM things ORDER BY number") == [(1,), (2,), (3,), (4,)]
