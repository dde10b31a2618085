"""Each `alembic` command, as typed, sees each module: nothing is registered anywhere."""

import subprocess
from pathlib import Path

import pytest

from tests.migrations.commands import Checkout
from tests.migrations.written import AUTH, USER, USERS, migrations, model, revision, write_module, write_revision
from tests.project import python_without_project

NOTES = ("notes_0a1b2c3d", "notes_4e5f6071")


def drop_notes_in(project: Checkout) -> None:
    """A folder as somebody else's pull request brings it, with two revisions."""
    folder = write_module(project, "notes", model("notes", USER), requires=("users",))
    columns = 'sa.Column("id", sa.Uuid(), primary_key=True)'
    create = f'op.create_table("notes", {columns})'
    add = 'op.add_column("notes", sa.Column("user_id", sa.Uuid(), nullable=False))'
    first = revision(NOTES[0], label="notes", depends_on="users_6813f2da", do=create, undo='op.drop_table("notes")')
    write_revision(folder, "1_create", first)
    write_revision(folder, "2_user", revision(NOTES[1], NOTES[0], do=add, undo='op.drop_column("notes", "user_id")'))


@pytest.fixture(params=["installed", "not installed"])
def anywhere(request: pytest.FixtureRequest, sqlite_project: Checkout, tmp_path: Path) -> Checkout:
    """The commands are given in another folder, as `alembic -c <project>/alembic.ini`."""
    if request.param == "not installed":
        sqlite_project.python = python_without_project(tmp_path / "python")
    (tmp_path / "elsewhere").mkdir()
    sqlite_project.folder = tmp_path / "elsewhere"
    return sqlite_project


def test_every_command_sees_every_module_and_one_that_was_dropped_in_just_now(anywhere: Checkout) -> None:
    project, ini = anywhere, ("-c", str(anywhere.path / "alembic.ini"))

    def run(*arguments: str) -> str:
        return project.alembic(*ini, *arguments).stdout

    assert [line.split()[0] for line in run("heads").splitlines()] == [USERS, AUTH]
    run("upgrade", "heads")
    drop_notes_in(project)

    assert sorted(line.split()[1] for line in run("heads").splitlines()) == ["(auth)", "(notes)", "(users)"]
    history = run("history")
    for id_ in ("users_6813f2da", USERS, AUTH, *NOTES):
        assert f"-> {id_} (" in history
    for name in ("users", "auth", "notes"):
        assert f"Branch names: {name}" in run("show", f"{name}@head")
    assert "Target database is not up to date" in project.refusal(*ini, "check")

    assert "Running upgrade  -> notes_0a1b2c3d" in run("upgrade", "heads")
    assert "notes_4e5f6071 (head)" in run("current")
    assert "users_6813f2da" not in run("downgrade", "notes@-1")
    assert "notes_0a1b2c3d" in run("current")
    run("stamp", "notes@head")
    assert "notes_4e5f6071 (head)" in run("current")
    run("revision", "--head", "notes@head", "-m", "fill notes")
    assert migrations(project.changed_files()) == ["notes"] * 3
    assert run("heads").count("(head)") == 3

    write_revision(project.path / "modules/notes", "3_other", revision("notes_89abcdef", NOTES[0]))
    assert run("branches").startswith("notes_0a1b2c3d (notes) (branchpoint)")


def test_the_plain_program_does_what_the_forked_commands_do(sqlite_project: Checkout) -> None:
    """The other tests lean on fork_server.py; this one does not."""
    program = sqlite_project.python.with_name("alembic")
    outputs = []
    for arguments in (["upgrade", "heads"], ["heads"]):
        run = subprocess.run(
            [str(program), *arguments],
            cwd=sqlite_project.path,
            env=sqlite_project.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.append(run.stdout)

    assert outputs[1] == sqlite_project.alembic("heads").stdout
    assert "No new upgrade operations detected." in sqlite_project.alembic("check").stdout


def test_a_fault_in_a_module_ends_every_command_with_a_message(sqlite_project: Checkout) -> None:
    (sqlite_project.path / "modules/auth/module.py").write_text("module = None", encoding="utf-8")

    for command in (["heads"], ["upgrade", "heads"], ["revision", "--autogenerate", "-m", "x"]):
        refusal = sqlite_project.refusal(*command)
        assert "FAILED: module 'auth'" in refusal
        assert "must define `module = Module(...)`" in refusal
