"""Where `alembic revision --autogenerate` cannot know what is meant, it writes nothing and says what to do."""

import pytest

from tests.migrations.commands import Checkout
from tests.migrations.written import TEXT, USER, cut_class, declaration, model, write_module

COMMAND = ("revision", "--autogenerate", "-m", "change")


@pytest.fixture
def project(sqlite_project: Checkout) -> Checkout:
    sqlite_project.alembic("upgrade", "heads")
    return sqlite_project


def stopped(project: Checkout, *options: str) -> str:
    before = project.changed_files()
    refusal = project.refusal(*COMMAND, *options)
    assert project.changed_files() == before
    return refusal


def test_a_table_that_moves_to_another_module(project: Checkout) -> None:
    moved = cut_class(project.path / "modules/auth/models.py", "UserRole")
    (project.path / "modules/auth/__init__.py").write_text("", encoding="utf-8")
    folder = write_module(project, "roles", requires=("auth", "users"))
    moved = moved.replace("user_id:", "motto: Mapped[int | None]; user_id:")
    (folder / "models.py").write_text(moved, encoding="utf-8")

    refusal = stopped(project)
    assert (
        "The table 'auth_user_roles' was made by module 'auth', and its model now stands in module 'roles'" in refusal
    )
    assert "take the model back to" in refusal
    assert "alembic revision --head roles@head --depends-on auth@head" in refusal
    assert "op.rename_table('auth_user_roles', 'roles_auth_user_roles')" in refusal


def test_an_operation_that_belongs_to_no_table(project: Checkout) -> None:
    folder = write_module(project, "notes", model("notes", TEXT))
    with (folder / "models.py").open("a", encoding="utf-8") as file:
        file.write(
            "from alembic.autogenerate import comparators\n"
            "from alembic.operations.ops import MigrateOperation\n\n"
            "class CreateViewOp(MigrateOperation):\n"
            "    def reverse(self): return self\n\n"
            "@comparators.dispatch_for('schema')\n"
            "def add_a_view(autogen_context, upgrade_ops, schemas):\n"
            "    upgrade_ops.ops.append(CreateViewOp())\n"
        )

    refusal = stopped(project)
    assert "CreateViewOp belongs to no table, so to no module" in refusal
    assert "alembic revision --head <module>@head" in refusal


def test_a_foreign_key_to_a_module_that_is_not_required(project: Checkout) -> None:
    folder = write_module(project, "notes", model("notes", USER))

    refusal = stopped(project)
    assert "notes" in refusal
    assert "'users'" in refusal
    assert str(folder / "module.py") in refusal

    (folder / "module.py").write_text(declaration("users"), encoding="utf-8")
    project.alembic(*COMMAND)
    project.alembic("upgrade", "heads")


def test_a_single_module_that_needs_a_table_of_one_that_is_left_out(project: Checkout) -> None:
    write_module(project, "notes", model("notes", TEXT))
    page = 'note_id: Mapped[UUID] = mapped_column(ForeignKey("notes.id"))'
    write_module(project, "archive", model("pages", page), requires=("notes",))

    refusal = stopped(project, "--head", "archive@head")
    assert "'archive' refers to the table 'notes'" in refusal
    assert "leave --head away, or give the command with --head notes@head first" in refusal

    project.alembic(*COMMAND, "--head", "notes@head")
    project.alembic("upgrade", "heads")
    project.alembic(*COMMAND, "--head", "archive@head")
    project.alembic("upgrade", "heads")
    project.alembic("check")


def test_a_database_that_is_behind(project: Checkout) -> None:
    project.alembic("downgrade", "users@-1")

    assert "Target database is not up to date" in stopped(project)


def test_a_table_that_two_modules_define(project: Checkout) -> None:
    write_module(project, "notes", model("users", TEXT))

    refusal = stopped(project)
    assert "'users'" in refusal
    assert "modules/notes/models.py" in refusal
    assert "modules/users/models.py" in refusal
