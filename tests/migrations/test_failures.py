"""What `alembic` says when the database refuses: which revision, what stays of it, and what to do."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from shared.testing.databases import available, execute
from tests.migrations.commands import Checkout
from tests.migrations.written import USERS, revision, write_revision

ID = "users_0000000a"
CREATE = 'op.create_table("first", sa.Column("id", sa.Integer))'
FAIL = 'op.execute("INSERT INTO nowhere VALUES (1)")'


def with_revision(project: Checkout, do: str) -> Checkout:
    project.alembic("upgrade", "heads")
    write_revision(project.path / "modules/users", "2027_change", revision(ID, USERS, do=do))
    return project


def test_a_revision_that_fails_is_named_with_what_became_of_it(project: Checkout, backend: str) -> None:
    refusal = with_revision(project, f"{CREATE}; {FAIL}").refusal("upgrade", "heads")

    assert f"Revision {ID} (" in refusal
    assert "2027_change.py) failed: " in refusal
    assert "nowhere" in refusal
    assert "Check DATABASE_URL" not in refusal
    said = {
        "sqlite": "Nothing was changed",
        "postgresql": "It was rolled back; the revisions before it stay applied.",
        "mysql": "executed now and stay:\n  CREATE TABLE first",
    }
    assert said[backend] in refusal
    if backend != "mysql":
        return

    # As after a kill, too: nothing tells that the table is this revision's but the table itself.
    again = project.refusal("upgrade", "heads")
    assert f"Revision {ID} (" in again
    assert "Part of it was there before this run" in again
    assert f"`alembic stamp {ID}`" in again
    assert "Check DATABASE_URL" not in again


@pytest.mark.parametrize("backend", sorted(set(available()) & {"mysql"}), indirect=True)
def test_on_mariadb_what_was_rolled_back_is_not_said_to_stay(project: Checkout) -> None:
    update = """op.execute("UPDATE users SET nickname = 'x'")"""
    refusal = with_revision(project, f"{update}; {FAIL}").refusal("upgrade", "heads")

    assert "Nothing of it was executed" in refusal


def test_a_revision_whose_python_fails_keeps_its_traceback(project: Checkout, backend: str) -> None:
    output = with_revision(project, f"{CREATE}; 1 / 0").alembic("upgrade", "heads", check=False).stdout

    assert "2027_change.py" in output
    assert "ZeroDivisionError" in output
    assert f"Revision {ID} failed. " in output
    assert ("CREATE TABLE first" in output) == (backend == "mysql")


@pytest.fixture
def reader(backend: str, empty_database: str) -> Iterator[str]:
    """The address for a role that may only read."""
    url, name = make_url(empty_database), f"test_{uuid4().hex[:16]}"
    create, drop = {
        "postgresql": (
            [f"CREATE ROLE {name} LOGIN", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"],
            [f"DROP OWNED BY {name}", f"DROP ROLE {name}"],
        ),
        "mysql": ([f"CREATE USER {name}", f"GRANT SELECT ON {url.database}.* TO {name}"], [f"DROP USER {name}"]),
    }[backend]
    execute(empty_database, *create)
    yield url.set(username=name, password=None).render_as_string(hide_password=False)
    execute(empty_database, *drop)


@pytest.mark.parametrize("backend", sorted(set(available()) - {"sqlite"}), indirect=True)
def test_a_right_that_the_role_lacks_is_said_to_be_that(checkout: Checkout, reader: str) -> None:
    owner, checkout.database = checkout.database, reader
    refusal = checkout.refusal("upgrade", "heads")
    assert "The role in DATABASE_URL lacks a right" in refusal

    checkout.database = owner
    checkout.alembic("upgrade", "heads")
    checkout.database = reader
    told = [
        checkout.alembic(*command, check=False).stdout for command in (("current",), ("check",), ("downgrade", "base"))
    ]
    assert [one for one in told if "Traceback" in one or "Check DATABASE_URL" in one] == []
    assert "lacks a right" in told[2]
