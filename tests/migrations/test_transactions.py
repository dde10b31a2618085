"""What stays of a run that fails, and what changing a table does to rows that refer to it."""

from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.written import AUTH, USERS, revision, write_revision

TABLES = ("users", "auth_credentials", "auth_sessions", "auth_user_roles")
FILL = """
INSERT INTO users (id, email, email_key, is_active, email_verified, created_at, updated_at, nickname)
VALUES ('1', 'a@b.org', 'a@b.org', 1, 1, '2026-11-22', '2026-11-22', 'Ada');

INSERT INTO auth_credentials (user_id, password_hash, auth_version, changed_at)
VALUES ('1', 'x', 1, '2026-11-22');

INSERT INTO auth_sessions (id, user_id, salt, counter, auth_version, created_at, auth_time, last_refreshed_at,
    idle_expires_at, absolute_expires_at)
SELECT '2', '1', '', 0, 1, t, t, t, t, t FROM (SELECT '2026-11-22' AS t);

INSERT INTO auth_user_roles (user_id, role_name)
VALUES ('1', 'user')
"""
NOT_NULL = """\
with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column("nickname", existing_type=sa.String(50), nullable=False)"""
NULL = NOT_NULL.replace("nullable=False", "nullable=True")


def filled(project: Checkout, do: str, undo: str = "pass") -> Checkout:
    """With a row in each table, and one more revision of `users`."""
    project.alembic("upgrade", "heads")
    execute(project.database, *FILL.split(";"))
    text = revision("users_0000000a", USERS, do=do, undo=undo)
    write_revision(project.path / "modules/users", "2027_change", text)
    return project


def counts(project: Checkout) -> list[object]:
    queries = (f"SELECT count(*) FROM {table}" for table in TABLES)
    return [execute(project.database, query)[0][0] for query in queries]


def rows(project: Checkout) -> set[object]:
    return {row[0] for row in execute(project.database, "SELECT version_num FROM alembic_version")}


def test_a_table_that_sqlite_builds_anew_keeps_the_rows_that_refer_to_it(sqlite_project: Checkout) -> None:
    project = filled(sqlite_project, NOT_NULL, NULL)

    project.alembic("upgrade", "heads")
    (table,) = execute(project.database, "SELECT sql FROM sqlite_master WHERE name = 'users'")
    assert "nickname VARCHAR(50) NOT NULL" in str(table[0])
    assert counts(project) == [1, 1, 1, 1]

    project.alembic("downgrade", "users@-1")
    assert counts(project) == [1, 1, 1, 1]
    assert execute(project.database, "PRAGMA foreign_key_check") == []
    # The references still hold afterwards.
    execute(project.database, "PRAGMA foreign_keys=ON", "DELETE FROM users")
    assert counts(project) == [0, 0, 0, 0]


def test_on_sqlite_a_revision_that_leaves_rows_without_what_they_refer_to_is_undone(sqlite_project: Checkout) -> None:
    project = filled(sqlite_project, 'op.execute("DELETE FROM users")')

    refusal = project.refusal("upgrade", "heads")
    assert "rows of auth_credentials, auth_sessions, auth_user_roles would refer to rows that are gone" in refusal
    assert counts(project) == [1, 1, 1, 1]
    assert rows(project) == {USERS, AUTH}


def test_a_run_that_fails_keeps_the_revisions_before_on_a_server_and_none_on_sqlite(project: Checkout) -> None:
    project.alembic("upgrade", "heads")
    folder = project.path / "modules/users"
    first = 'op.create_table("first", sa.Column("id", sa.Integer))'
    second = 'op.create_table("second", sa.Column("id", sa.Integer)); op.execute("INSERT INTO nowhere VALUES (1)")'
    write_revision(folder, "2027_first", revision("users_0000000a", USERS, do=first))
    write_revision(folder, "2027_second", revision("users_0000000b", "users_0000000a", do=second))

    assert "nowhere" in project.alembic("upgrade", "heads", check=False).stdout
    if project.database.startswith("sqlite"):
        assert rows(project) == {USERS, AUTH}
        assert execute(project.database, "SELECT name FROM sqlite_master WHERE name IN ('first', 'second')") == []
        return
    assert rows(project) == {"users_0000000a", AUTH}
    tables = "SELECT table_name FROM information_schema.tables WHERE table_name IN ('first', 'second')"
    is_transactional = project.database.startswith("postgresql")
    if is_transactional:  # MariaDB cannot take a CREATE TABLE back
        assert execute(project.database, tables) == [("first",)]
