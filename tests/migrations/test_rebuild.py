"""SQLite builds a table anew to change it: nothing that the revision does not name is lost by that."""

import pytest

from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.written import USERS, revision, write_revision

WIDEN = """\
with op.batch_alter_table("items") as batch_op:
        batch_op.alter_column("name", existing_type=sa.String(20), type_=sa.String({}))"""
RENAME = """\
with op.batch_alter_table("items") as batch_op:
        batch_op.alter_column("name", existing_type=sa.String(20), new_column_name="title")"""
DROP = """\
with op.batch_alter_table("items") as batch_op:
        batch_op.drop_column("name")"""
INDEXES = """\
with op.batch_alter_table("items") as batch_op:
        batch_op.drop_index("uq_items_lower_name")
        batch_op.alter_column("name", existing_type=sa.String(20), type_=sa.String(99))
        batch_op.create_index("ix_items_upper_name", [sa.text("upper(name)")])"""
CASCADE = """\
with op.batch_alter_table("parts") as batch_op:
        batch_op.drop_constraint("fk_parts_item_id_items", type_="foreignkey")
        batch_op.create_foreign_key("fk_parts_item_id_items", "items", ["item_id"], ["id"], ondelete="CASCADE")
    with op.batch_alter_table("items") as batch_op:
        batch_op.alter_column("name", existing_type=sa.String(20), type_=sa.String(99))"""
# Alembic would make these with the new name, and without what makes them different.
NOT_PLAIN = ("name DESC", "name COLLATE NOCASE", "price) WHERE (name <> ''")
UNTIED = (
    "DROP INDEX uq_items_lower_name",
    "DROP TRIGGER written",
    "DROP VIEW cheap_items",
    "CREATE VIEW cheap_items AS SELECT id FROM items",
)
ITEMS = [
    """CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(20), price INTEGER, parent_id INTEGER,
        code VARCHAR(9) DEFAULT 'x' COLLATE NOCASE, CONSTRAINT ck_items_price CHECK (price > 0),
        CONSTRAINT fk_items_parent_id_items FOREIGN KEY (parent_id) REFERENCES items (id) ON DELETE CASCADE)""",
    """CREATE TABLE parts (id INTEGER PRIMARY KEY, item_id INTEGER,
        CONSTRAINT fk_parts_item_id_items FOREIGN KEY (item_id) REFERENCES items (id) ON DELETE SET NULL)""",
    "CREATE TABLE log (text VARCHAR)",
    "CREATE UNIQUE INDEX uq_items_lower_name ON items (lower(name))",
    "CREATE INDEX ix_items_price ON items (price DESC, id)",
    "CREATE INDEX ix_items_cheap ON items (price) WHERE price < 10",
    "CREATE TRIGGER written AFTER INSERT ON items BEGIN INSERT INTO log VALUES (new.name); END",
    "CREATE TRIGGER logged AFTER INSERT ON log BEGIN UPDATE items SET price = price + 1; END",
    "CREATE VIEW cheap_items AS SELECT id, name FROM items WHERE price < 10",
    "INSERT INTO items VALUES (1, 'a', 5, NULL, 'c'), (2, 'b', 5, 1, 'd')",
    "INSERT INTO parts VALUES (1, 1), (2, 2)",
]


@pytest.fixture
def project(sqlite_project: Checkout) -> Checkout:
    sqlite_project.alembic("upgrade", "heads")
    execute(sqlite_project.database, *ITEMS)
    return sqlite_project


def change(project: Checkout, do: str, undo: str = "pass") -> None:
    text = revision("users_0000000a", USERS, do=do, undo=undo)
    write_revision(project.path / "modules/users", "2027_change", text)


def objects(project: Checkout) -> dict[object, object]:
    query = "SELECT name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL AND sql NOT LIKE '% users %'"
    return {name: sql for name, sql in execute(project.database, query) if f"{sql}" in ITEMS or "items" in f"{sql}"}


def definition(project: Checkout) -> str:
    return str(execute(project.database, "SELECT sql FROM sqlite_master WHERE name = 'items'")[0][0])


def test_indexes_triggers_views_rows_and_collations_survive_up_and_down(project: Checkout) -> None:
    change(project, WIDEN.format(50), WIDEN.format(20))
    before = objects(project)

    for command, length in (("upgrade", "50"), ("downgrade", "20")):
        project.alembic(command, "users@head" if command == "upgrade" else "users@-1")
        assert objects(project) == before
        assert f"name VARCHAR({length})" in definition(project)
        assert 'code VARCHAR(9) COLLATE "NOCASE"' in definition(project)
        assert "REFERENCES items (id) ON DELETE CASCADE" in definition(project)
    assert execute(project.database, "PRAGMA foreign_keys=ON", "SELECT count(*) FROM items") == [(2,)]
    assert execute(project.database, "SELECT count(*) FROM parts WHERE item_id IS NOT NULL") == [(2,)]


def test_what_refers_to_the_rows_keeps_them_when_its_rule_becomes_a_cascade(project: Checkout) -> None:
    change(project, CASCADE)
    project.alembic("upgrade", "heads")

    assert execute(project.database, "SELECT id, item_id FROM parts") == [(1, 1), (2, 2)]
    assert objects(project).keys() >= {"uq_items_lower_name", "written"}


def test_what_a_revision_drops_and_makes_is_dropped_and_made(project: Checkout) -> None:
    change(project, INDEXES)
    project.alembic("upgrade", "heads")

    found = objects(project)
    assert "uq_items_lower_name" not in found
    assert found["ix_items_upper_name"] == "CREATE INDEX ix_items_upper_name ON items (upper(name))"
    assert "written" in found


@pytest.mark.parametrize(
    ("more", "do", "named"),
    [
        (None, RENAME, "uq_items_lower_name"),
        (None, DROP, "written"),
        *((f"CREATE INDEX ix ON items ({columns})", RENAME, "index ix") for columns in NOT_PLAIN),
        ("CREATE TRIGGER renames AFTER DELETE ON parts BEGIN UPDATE items SET name = ''; END", DROP, "renames"),
        (
            "CREATE TRIGGER adds INSTEAD OF INSERT ON cheap_items BEGIN INSERT INTO items (name) VALUES (''); END",
            DROP,
            "adds",
        ),
    ],
)
def test_what_would_not_work_any_more_is_named_and_nothing_is_changed(
    project: Checkout, more: str | None, do: str, named: str
) -> None:
    if more is not None:  # alone with what could not stay, either
        execute(project.database, *UNTIED, more)
    change(project, do)
    before = objects(project), definition(project)

    refusal = project.refusal("upgrade", "heads")
    assert named in refusal
    assert "Drop it in the revision before the change" in refusal
    assert (objects(project), definition(project)) == before


def test_an_index_goes_with_its_columns_however_it_names_them(project: Checkout) -> None:
    execute(project.database, *UNTIED, "CREATE INDEX ix_items_named ON items (price) WHERE name <> ''")
    change(project, DROP)
    project.alembic("upgrade", "heads")

    assert objects(project).keys() >= {"ix_items_price", "ix_items_cheap", "logged"}
    assert "ix_items_named" not in objects(project)


def test_a_key_that_was_given_out_is_not_given_out_again(project: Checkout) -> None:
    execute(
        project.database,
        "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(20))",
        "INSERT INTO counted VALUES (7, 'gone')",
        "DELETE FROM counted",
    )
    change(project, WIDEN.format(50).replace('"items"', '"counted", table_kwargs={"sqlite_autoincrement": True}'))
    project.alembic("upgrade", "heads")

    assert execute(project.database, "INSERT INTO counted (name) VALUES ('new') RETURNING id") == [(8,)]


@pytest.mark.parametrize(
    ("columns", "lost"),
    [
        ("id INTEGER PRIMARY KEY AUTOINCREMENT", "without AUTOINCREMENT"),
        (
            "id INTEGER PRIMARY KEY, item_id INTEGER CONSTRAINT one REFERENCES items ON DELETE CASCADE",
            "without the key from item_id",
        ),
        ("id INTEGER PRIMARY KEY, code INTEGER CHECK (code > 0)", "Unnamed CHECK constraint"),
    ],
)
def test_what_the_new_table_would_not_have_is_named(project: Checkout, columns: str, lost: str) -> None:
    execute(project.database, f"CREATE TABLE counted ({columns}, name VARCHAR(20))")
    change(project, WIDEN.format(50).replace('"items"', '"counted"'))

    assert lost in project.refusal("upgrade", "heads")
