"""A module's folder was deleted while its revisions are applied: Alembic alone would fail for all modules."""

import shutil

from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.written import AUTH, USER, USERS, edit, model, revision, write_module, write_revision

CREATE = 'op.create_table("notes", sa.Column("id", sa.Uuid(), primary_key=True))'

TAGS = 'op.create_table("tags", sa.Column("id", sa.Uuid(), primary_key=True))'


def rows(project: Checkout) -> set[object]:
    return {row[0] for row in execute(project.database, "SELECT version_num FROM alembic_version")}


def test_the_advice_removes_the_module_and_leaves_the_others_intact(project: Checkout) -> None:
    # It builds on the latest revision of `users`, whose row it therefore stands for.
    folder = write_module(project, "notes", model("notes", USER), requires=("users",))
    text = revision("notes_0a1b2c3d", label="notes", depends_on=USERS, do=CREATE, undo='op.drop_table("notes")')
    write_revision(folder, "1_create", text)
    project.alembic("upgrade", "heads")
    execute(project.database, "INSERT INTO auth_roles (name, description, is_builtin) VALUES ('kept', '', false)")
    shutil.move(folder, project.path.parent / "notes")

    for command in (["upgrade", "heads"], ["current"], ["check"], ["downgrade", "auth@base"], ["stamp", "heads"]):
        refusal = project.refusal(*command)
        assert "revisions of 'notes' that are not in the code: notes_0a1b2c3d" in refusal
        assert "back into modules/, run `alembic downgrade notes@base`" in refusal

    shutil.move(project.path.parent / "notes", folder)
    project.alembic("downgrade", "notes@base")
    shutil.rmtree(folder)
    assert rows(project) == {USERS, AUTH}
    assert "Running" not in project.alembic("upgrade", "heads").stdout
    project.alembic("check")
    assert ("kept",) in execute(project.database, "SELECT name FROM auth_roles")


def test_a_module_that_anothers_revision_waits_for_is_removed_as_documented(project: Checkout) -> None:
    notes = write_module(project, "notes", model("notes", USER), requires=("users",))
    text = revision("notes_0a1b2c3d", label="notes", depends_on=USERS, do=CREATE, undo='op.drop_table("notes")')
    write_revision(notes, "1_create", text)
    tags = write_module(project, "tags")
    waiting = revision(
        "tags_0a1b2c3d", label="tags", depends_on="notes_0a1b2c3d", do=TAGS, undo='op.drop_table("tags")'
    )
    file = write_revision(tags, "1_create", waiting)
    project.alembic("upgrade", "heads")
    execute(project.database, "INSERT INTO tags (id) VALUES ('00000000000000000000000000000001')")
    assert "notes_0a1b2c3d" not in rows(project)  # the one that waits vouches for it

    edit(file, "depends_on = 'notes_0a1b2c3d'", "depends_on = None")
    project.alembic("stamp", "notes@head")
    project.alembic("downgrade", "notes@base")
    shutil.rmtree(notes)

    assert rows(project) == {USERS, AUTH, "tags_0a1b2c3d"}
    assert "Running" not in project.alembic("upgrade", "heads").stdout
    assert len(execute(project.database, "SELECT id FROM tags")) == 1
    project.alembic("downgrade", "base")
    project.alembic("upgrade", "heads")


def test_a_database_that_is_ahead_of_the_code_is_told_apart(sqlite_project: Checkout) -> None:
    newer = write_revision(sqlite_project.path / "modules/users", "newer", revision("users_0000000a", down=USERS))
    sqlite_project.alembic("upgrade", "heads")
    newer.unlink()

    refusal = sqlite_project.refusal("current")
    assert "users_0000000a: the code here is older than the database" in refusal
    assert "deploy the newer code" in refusal


def test_a_module_that_others_require_cannot_go_first(sqlite_project: Checkout) -> None:
    sqlite_project.alembic("upgrade", "heads")
    shutil.rmtree(sqlite_project.path / "modules/users")

    refusal = sqlite_project.refusal("upgrade", "heads")
    assert "module 'auth'" in refusal
    assert "requires 'users', and there is no such module" in refusal
