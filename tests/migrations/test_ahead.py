"""A database that newer code has migrated: this process is the older code, the checkout beside it the newer one."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.assembly.branches import read_branches
from shared.assembly.migration_state import Migrations, mismatch_in
from shared.container import MigrationState, unusable
from shared.database.addresses import database_url
from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.written import USERS, revision, write_module, write_revision
from tests.project import built_in_modules

ADDED, ANOTHER = "users_0000000a", "users_0000000b"
ADD = 'op.add_column("users", sa.Column("motto", sa.String(50), nullable=True))'
UNDO = 'with op.batch_alter_table("users") as users: users.drop_column("motto")'
RENAME = 'with op.batch_alter_table("users") as users: users.alter_column("{}", new_column_name="{}", {})'
NICKNAME = "existing_type=sa.String(50), existing_nullable=True"
BREAKING = "\nbreaks_older_code = True\n"


@pytest.fixture
def migrations() -> Migrations:
    modules = built_in_modules()
    return Migrations(read_branches(modules), modules.import_models())


def state_of(project: Checkout, migrations: Migrations) -> MigrationState:
    return asyncio.run(read(project.database, migrations))


async def read(address: str, migrations: Migrations) -> MigrationState:
    engine = create_async_engine(database_url(address), poolclass=NullPool)
    try:
        return await migrations(engine)
    finally:
        await engine.dispose()


def upgrade(project: Checkout, *texts: str) -> None:
    """Give the newer code a revision of `users` after the other, and apply them."""
    for number, text in enumerate(texts):
        write_revision(project.path / "modules/users", f"newer_{number}", text)
    project.alembic("upgrade", "heads")


def test_what_was_only_added_leaves_the_older_code_ready(project: Checkout, migrations: Migrations) -> None:
    upgrade(project, revision(ADDED, down=USERS, do=ADD, undo=UNDO))

    state = state_of(project, migrations)

    assert state == {"auth": "applied", "users": "ahead"}
    assert (unusable(state), mismatch_in(state)) == ([], None)


def test_what_a_new_module_builds_on_stays_applied_without_a_row(project: Checkout, migrations: Migrations) -> None:
    folder = write_module(project, "notes", requires=("users",))
    write_revision(folder, "create", revision("notes_0a1b2c3d", label="notes", depends_on=USERS))
    project.alembic("upgrade", "heads")

    assert (USERS,) not in execute(project.database, "SELECT version_num FROM alembic_version")
    assert state_of(project, migrations) == {"auth": "applied", "users": "applied", "notes": "ahead"}


def test_a_revision_says_that_it_breaks_older_code(project: Checkout, migrations: Migrations) -> None:
    upgrade(project, revision(ADDED, down=USERS) + BREAKING, revision(ANOTHER, down=ADDED))
    broken = state_of(project, migrations)

    assert broken == {"auth": "applied", "users": "incompatible"}
    assert unusable(broken) == ["users"]
    said = str(mismatch_in(broken))
    assert "start the newer code" in said
    assert "upgrade" not in said
    project.alembic("check")  # the mark is no table to be dropped

    project.alembic("downgrade", "users@-1")
    assert state_of(project, migrations)["users"] == "incompatible"
    project.alembic("downgrade", "users@-1")
    assert state_of(project, migrations) == {"auth": "applied", "users": "applied"}
    project.alembic("stamp", "heads")
    assert state_of(project, migrations)["users"] == "incompatible"


def test_what_the_older_code_reads_is_gone(project: Checkout, migrations: Migrations) -> None:
    rename = RENAME.format("nickname", "display_name", NICKNAME)
    upgrade(project, revision(ADDED, down=USERS, do=rename, undo=RENAME.format("display_name", "nickname", NICKNAME)))
    assert state_of(project, migrations) == {"auth": "applied", "users": "incompatible"}

    project.alembic("downgrade", "users@-1")
    assert state_of(project, migrations) == {"auth": "applied", "users": "applied"}


def test_a_module_that_has_no_tables_yet_is_pending_whatever_else_is_ahead(
    empty_database: str, migrations: Migrations
) -> None:
    versions = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"
    execute(empty_database, versions, "INSERT INTO alembic_version VALUES ('billing_0a1b2c3d')")

    state = asyncio.run(read(empty_database, migrations))

    assert state == {"auth": "pending", "users": "pending", "billing": "ahead"}
    assert "ahead of it in billing: start code that has the revisions of both" in str(mismatch_in(state))


def test_a_printed_script_marks_what_breaks_older_code(sqlite_project: Checkout, migrations: Migrations) -> None:
    project = sqlite_project
    project.alembic("upgrade", "heads")
    text = revision(ADDED, down=USERS) + BREAKING
    write_revision(project.path / "modules/users", "newer", text)
    printed = project.alembic("upgrade", f"{USERS}:{ADDED}", "--sql").stdout

    statements = [line for line in printed.replace("\n\n", ";").split(";") if "alembic_" in line]
    execute(project.database, *statements)
    assert state_of(project, migrations)["users"] == "incompatible"


def test_commands_of_the_older_code_change_nothing(project: Checkout, tmp_path: Path) -> None:
    newer = write_revision(project.path / "modules/users", "newer", revision(ADDED, down=USERS, do=ADD, undo=UNDO))
    project.alembic("upgrade", "heads")
    before = set(execute(project.database, "SELECT version_num FROM alembic_version"))
    newer.unlink()

    for command in (["upgrade", "heads"], ["current"], ["check"], ["downgrade", "users@-1"], ["stamp", "heads"]):
        assert "the code here is older than the database" in project.refusal(*command)
    assert set(execute(project.database, "SELECT version_num FROM alembic_version")) == before
    execute(project.database, "SELECT motto FROM users")
