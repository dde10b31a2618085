"""`alembic revision --autogenerate -m "..."` writes one file for each module that changed, on that module's branch."""

import shutil

from shared.assembly.branches import Revision, read_branches
from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.written import (
    AUTH,
    MOTTO,
    TEXT,
    USER,
    USERS,
    add_column,
    cut_class,
    edit,
    migrations,
    model,
    modules_in,
    write_module,
)

OWNER = 'owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)'
NICKNAME = "nickname: Mapped[str | None] = mapped_column(String(50))"


def head_of(project: Checkout, module: str) -> Revision:
    (head,) = read_branches(modules_in(project)).heads(module)
    return head


def generate(project: Checkout, message: str, *options: str) -> list[str]:
    """Give the command of the guide; gives the modules that got a file."""
    before = set(project.changed_files())
    project.alembic("revision", "--autogenerate", "-m", message, *options)
    return migrations(set(project.changed_files()) - before)


def test_each_changed_module_gets_a_file_of_its_own(project: Checkout) -> None:
    project.alembic("upgrade", "heads")
    assert generate(project, "nothing") == []

    # Two new modules, one of which needs the other in the same run, and a change of an old one.
    write_module(project, "notes", model("notes", USER, TEXT), requires=("users",))
    note = 'note_id: Mapped[UUID] = mapped_column(ForeignKey("notes.id"), index=True)'
    write_module(project, "archive", model("pages", note), model("shelves", TEXT), requires=("notes",))
    edit(
        project.path / "modules/users/models.py",
        NICKNAME,
        f"{NICKNAME}\n    motto: Mapped[str | None] = mapped_column(String(50))",
    )
    pending = project.refusal("check")
    assert all(name in pending for name in ("notes", "pages", "shelves", "motto"))

    assert generate(project, "add notes") == ["archive", "notes", "users"]
    notes, archive, users = (head_of(project, name) for name in ("notes", "archive", "users"))
    assert (notes.labels, notes.down, notes.depends_on) == (("notes",), (), (users.id,))
    assert (archive.labels, archive.down, archive.depends_on) == (("archive",), (), (notes.id,))
    assert (users.labels, users.down, users.depends_on) == ((), (USERS,), ())
    assert notes.file.name.endswith("_add_notes.py")
    assert notes.id.startswith("notes_")

    project.alembic("upgrade", "heads")
    project.alembic("check")
    assert generate(project, "still nothing") == []

    # The second change of a module whose head has no row in the database, because another one builds on it.
    edit(
        project.path / "modules/notes/models.py",
        TEXT,
        f"{TEXT}\n    title: Mapped[str | None] = mapped_column(String(50))",
    )
    assert generate(project, "add title") == ["notes"]
    assert head_of(project, "notes").down == (notes.id,)
    assert head_of(project, "notes").labels == ()
    # A new foreign key in a table that is there already.
    project.alembic("upgrade", "heads")
    add_column(project, "archive", TEXT, OWNER)
    assert generate(project, "own shelves") == ["archive"]
    assert head_of(project, "archive").depends_on == (users.id,)
    # And gone again, with its index.
    project.alembic("upgrade", "heads")
    edit(project.path / "modules/archive/models.py", OWNER, "")
    assert generate(project, "nobody owns shelves") == ["archive"]

    project.alembic("upgrade", "heads")
    project.alembic("check")
    project.alembic("downgrade", "base")
    project.alembic("upgrade", "heads")


def test_a_table_whose_model_is_gone_is_dropped_and_one_that_nobody_knows_stays(project: Checkout) -> None:
    project.alembic("upgrade", "heads")
    execute(project.database, "CREATE TABLE somebody_elses (id INTEGER PRIMARY KEY)")
    cut_class(project.path / "modules/auth/models.py", "UserRole")
    # What still uses the model is of no interest here, and would be imported with the package.
    (project.path / "modules/auth/__init__.py").write_text("", encoding="utf-8")

    assert generate(project, "drop user roles") == ["auth"]
    text = head_of(project, "auth").file.read_text(encoding="utf-8")
    assert "op.drop_table('auth_user_roles')" in text
    assert "somebody_elses" not in text

    project.alembic("upgrade", "heads")
    project.alembic("check")
    project.alembic("downgrade", "auth@-1")
    project.alembic("upgrade", "heads")
    assert execute(project.database, "SELECT * FROM somebody_elses") == []


def test_the_two_lines_of_the_readme_make_the_first_migrations(sqlite_project: Checkout) -> None:
    models = sqlite_project.path / "modules/users/models.py"
    shutil.rmtree(sqlite_project.path / "modules/auth")
    shutil.rmtree(sqlite_project.path / "modules/users/migrations")
    edit(models, NICKNAME, "")

    assert generate(sqlite_project, "create users table") == ["users"]
    first = head_of(sqlite_project, "users")
    sqlite_project.alembic("upgrade", "heads")
    edit(models, "is_active:", f"{NICKNAME}\n    is_active:")
    assert generate(sqlite_project, "add user nickname") == ["users"]
    second = head_of(sqlite_project, "users")
    sqlite_project.alembic("upgrade", "heads")

    assert first.labels == ("users",)
    assert second.down == (first.id,)
    assert "add_column(sa.Column('nickname'" in second.file.read_text(encoding="utf-8")
    sqlite_project.alembic("check")


def test_head_restricts_the_command_to_one_module(sqlite_project: Checkout) -> None:
    sqlite_project.alembic("upgrade", "heads")
    add_column(sqlite_project, "users", NICKNAME, MOTTO)
    add_column(sqlite_project, "auth", "auth_version: Mapped[int] = mapped_column(default=1)", MOTTO)

    assert generate(sqlite_project, "one", "--head", "users@head") == ["users"]
    sqlite_project.alembic("upgrade", "heads")
    assert generate(sqlite_project, "other", "--head", AUTH) == ["auth"]


def test_a_revision_by_hand_says_which_module_it_is_for(sqlite_project: Checkout) -> None:
    write_module(sqlite_project, "notes", model("notes", TEXT))
    before = sqlite_project.changed_files()

    refusal = sqlite_project.refusal("revision", "-m", "fill nicknames")
    assert "notes, system, users, auth" in refusal
    assert "--head <module>@head" in refusal
    assert "there is no module 'nobody'" in sqlite_project.refusal("revision", "-m", "x", "--head", "nobody@head")
    assert sqlite_project.changed_files() == before

    sqlite_project.alembic("revision", "--head", "users@head", "-m", "fill nicknames")
    filled = head_of(sqlite_project, "users")
    assert (filled.down, filled.labels) == ((USERS,), ())
    assert filled.file.name.endswith("_fill_nicknames.py")
    # The first one of a module.
    sqlite_project.alembic("revision", "--head", "notes@head", "-m", "begin")
    assert head_of(sqlite_project, "notes").labels == ("notes",)
    sqlite_project.alembic("upgrade", "heads")
