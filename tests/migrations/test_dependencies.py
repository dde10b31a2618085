"""What a command does to the branches that the named one builds on, and to those that build on it."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.assembly.branches import Branches, read_branches
from shared.assembly.discovery import Modules
from shared.assembly.migration_state import Migrations
from shared.container import MigrationState
from shared.database.addresses import database_url
from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.written import AUTH, USERS, modules_in, revision, write_module, write_revision
from tests.project import built_in_modules

PENDING, APPLIED = "pending", "applied"


@pytest.fixture
def project(sqlite_project: Checkout) -> Checkout:
    """With a third module, which builds on the latest revision of `users`, so that `users` has no row of its own."""
    folder = write_module(sqlite_project, "notes", requires=("users",))
    write_revision(folder, "1_create", revision("notes_0a1b2c3d", label="notes", depends_on=USERS))
    return sqlite_project


def state_of(project: Checkout, branches: Branches | None = None) -> MigrationState:
    engine = create_async_engine(database_url(project.database), poolclass=NullPool)
    migrations = Migrations(branches or read_branches(modules_in(project)), built_in_modules().import_models())
    return asyncio.run(migrations(engine))


def states(users: str, auth: str, notes: str) -> MigrationState:
    return {"users": users, "auth": auth, "notes": notes}


def test_an_upgrade_of_one_module_pulls_what_it_needs_and_nothing_else(project: Checkout) -> None:
    assert state_of(project) == states(PENDING, PENDING, PENDING)

    project.alembic("upgrade", "users@head")
    assert state_of(project) == states(APPLIED, PENDING, PENDING)
    project.alembic("downgrade", "users@base")

    project.alembic("upgrade", "auth@head")
    assert execute(project.database, "SELECT version_num FROM alembic_version") == [(AUTH,)]
    assert state_of(project) == states(PENDING, APPLIED, PENDING)  # auth needs the first revision of users only

    project.alembic("upgrade", "notes@head")
    assert state_of(project) == states(APPLIED, APPLIED, APPLIED)


def test_a_module_without_a_row_of_its_own_counts_as_applied(project: Checkout) -> None:
    project.alembic("upgrade", "heads")

    rows = execute(project.database, "SELECT version_num FROM alembic_version ORDER BY 1")
    assert rows == [(AUTH,), ("notes_0a1b2c3d",)]
    assert state_of(project) == states(APPLIED, APPLIED, APPLIED)


def test_a_revision_that_the_code_does_not_have_leaves_what_it_builds_on_applied(project: Checkout) -> None:
    project.alembic("upgrade", "heads")
    modules = modules_in(project)

    assert state_of(project, read_branches(Modules(modules[name] for name in ("users", "auth")))) == {
        "users": APPLIED,  # it has no row, but every column
        "auth": APPLIED,
        "notes": "ahead",
    }
    assert state_of(project, read_branches(built_in_modules())).keys() == {"users", "auth", "notes"}


def test_taking_back_a_module_names_what_goes_with_it_before_anything_is_done(project: Checkout) -> None:
    project.alembic("upgrade", "heads")

    silent = project.alembic("downgrade", "auth@base").stdout
    assert "Note:" not in silent
    assert state_of(project) == states(APPLIED, PENDING, APPLIED)

    project.alembic("upgrade", "heads")
    told = project.alembic("downgrade", "users@base").stdout
    assert "Note: this also takes back auth, notes, which build on what you named." in told
    assert told.index("Note:") < told.index("Running downgrade")
    assert state_of(project) == states(PENDING, PENDING, PENDING)


def test_one_step_back_takes_along_what_builds_on_that_step(project: Checkout) -> None:
    project.alembic("upgrade", "heads")

    told = project.alembic("downgrade", "users@-1").stdout
    assert "Note: this also takes back notes, which" in told
    assert state_of(project) == states(PENDING, APPLIED, PENDING)


def test_a_stamp_names_what_it_takes_back_too(project: Checkout) -> None:
    silent = project.alembic("stamp", "heads").stdout
    assert "Note:" not in silent
    assert "A stamp changes no table" in silent
    assert "Now marked as applied: auth (3 revisions), notes (1 revision), users (9 revisions)." in silent
    assert state_of(project) == states(APPLIED, APPLIED, APPLIED)

    told = project.alembic("stamp", "users@base").stdout
    assert "Note: this also takes back auth, notes, which" in told
    assert "No longer marked: auth (3 revisions), notes (1 revision), users (9 revisions)." in told
    assert state_of(project) == states(PENDING, PENDING, PENDING)


def test_a_stamp_of_a_head_that_others_build_on_unstamps_them(project: Checkout) -> None:
    project.alembic("stamp", "heads")

    told = project.alembic("stamp", "users@head").stdout
    assert "Note: this also takes back auth, notes, which" in told
    assert state_of(project) == states(APPLIED, PENDING, PENDING)
