"""Two developers each added a revision to the same module."""

import re
import shlex
from pathlib import Path

import pytest

from tests.migrations.commands import Checkout
from tests.migrations.written import TEXT, USERS, edit, model, revision, write_module, write_revision


@pytest.fixture
def project(sqlite_project: Checkout) -> Checkout:
    """The first developer's database, after a pull of the second one's work."""
    folder = sqlite_project.path / "modules/users"
    write_revision(folder, "2026_12_01_080000_ada", revision("users_0000000a", down=USERS))
    sqlite_project.alembic("upgrade", "heads")
    write_revision(folder, "2026_12_02_080000_bob", revision("users_0000000b", down=USERS))
    return sqlite_project


def refusal_of(project: Checkout) -> str:
    refusal = project.refusal("upgrade", "heads")
    assert "module 'users' has 2 heads: users_0000000a (" in refusal
    return refusal


def test_the_upgrade_is_refused_and_the_other_commands_still_work(project: Checkout) -> None:
    assert project.alembic("heads").stdout.count("(users)") == 2
    assert "Running upgrade" not in refusal_of(project)
    assert "users_0000000a" in project.alembic("current").stdout
    project.alembic("check", check=False)


def test_setting_down_revision_mends_it(project: Checkout) -> None:
    advice = re.search(r"in (\S+\.py), set down_revision = ('users_0000000a')", refusal_of(project))
    assert advice is not None
    edit(Path(advice[1]), f"down_revision = {USERS!r}", f"down_revision = {advice[2]}")

    assert "-> users_0000000b" in project.alembic("upgrade", "heads").stdout
    project.alembic("check")


def test_the_merge_that_is_advised_mends_it_where_each_is_applied_somewhere(project: Checkout) -> None:
    advice = re.search(r"run `alembic (merge [^`]+)`", refusal_of(project))
    assert advice is not None
    project.alembic(*shlex.split(advice[1]))

    (merged,) = (project.path / "modules/users/migrations").glob("*_merge_users.py")
    assert "users_0000000a" in merged.read_text(encoding="utf-8")
    assert "-> users_0000000b" in project.alembic("upgrade", "heads").stdout
    project.alembic("check")
    assert project.alembic("heads").stdout.count("(users)") == 1
    project.alembic("downgrade", "base")
    project.alembic("upgrade", "heads")


def test_the_check_of_the_project_tells_of_two_heads_and_of_tables_without_a_revision(project: Checkout) -> None:
    write_module(project, "notes", model("notes", TEXT))

    result = project.run("manage", "check", check=False)

    assert result.returncode == 1
    assert "module 'users' has 2 heads" in result.stderr
    assert "module 'notes' has tables and no revision: run `alembic revision --autogenerate" in result.stderr
