"""What one module drops and another used has an order, so that a new database can run the history, too."""

from pathlib import Path

import pytest

from shared.assembly.branches import Branches, read_branches
from tests.migrations.commands import Checkout
from tests.migrations.written import TEXT, edit, model, modules_in, revision, write_module, write_revision

KEY = 'old_id: Mapped[UUID | None] = mapped_column(ForeignKey("old.id"))'
CODE_KEY = 'code: Mapped[str | None] = mapped_column(String(9), ForeignKey("kept.code"))'
CODE = "code: Mapped[str] = mapped_column(String(9), unique=True)"
ID = 'sa.Column("id", sa.Uuid(), primary_key=True)'
FOREIGN_KEY = 'sa.ForeignKeyConstraint(["old_id"], ["old.id"], name="fk_alerts_old_id_old")'


def draft(project: Checkout, *options: str) -> Branches:
    project.alembic("upgrade", "heads")
    project.alembic("revision", "--autogenerate", "-m", "change", *options)
    project.alembic("upgrade", "heads")
    return read_branches(modules_in(project))


def last(branches: Branches, module: str) -> str:
    (head,) = branches.heads(module)
    return head.id


def remake(project: Checkout) -> None:
    """As on a new database, with each of the modules first."""
    for first in ("zones@head", "alerts@head"):
        project.alembic("downgrade", "base")
        project.alembic("upgrade", first)
        project.alembic("upgrade", "heads")


def write_models(project: Checkout) -> tuple[Path, Path]:
    """Their names are such that `zones` would run before `alerts`."""
    zones = write_module(project, "zones", model("old", TEXT), model("kept", TEXT, CODE))
    alerts = write_module(project, "alerts", model("alerts", KEY, CODE_KEY), requires=("zones",))
    draft(project)
    return zones / "models.py", alerts / "models.py"


def test_a_drafted_drop_waits_for_who_used_it(project: Checkout) -> None:
    zones, alerts = write_models(project)
    edit(alerts, KEY, "")
    edit(alerts, CODE_KEY, "")
    draft(project)

    edit(zones, model("old", TEXT), "")
    edit(zones, CODE, "")
    branches = draft(project)

    assert branches[last(branches, "zones")].depends_on == (last(branches, "alerts"),)
    remake(project)
    project.alembic("check")


def test_a_key_and_what_it_points_to_can_go_in_one_draft(sqlite_project: Checkout) -> None:
    zones, alerts = write_models(sqlite_project)
    edit(alerts, KEY, "")
    edit(zones, model("old", TEXT), "")
    branches = draft(sqlite_project)

    assert branches[last(branches, "zones")].depends_on == (last(branches, "alerts"),)
    assert "No problems found" in sqlite_project.run("manage", "check").stdout


def test_a_drop_of_what_nobody_else_used_waits_for_nobody(sqlite_project: Checkout) -> None:
    zones, _ = write_models(sqlite_project)
    edit(zones, TEXT, "")
    branches = draft(sqlite_project)

    assert branches[last(branches, "zones")].depends_on == ()


@pytest.fixture
def history(project: Checkout) -> tuple[Checkout, Path, Path]:
    """As by hand: `zones` drops a table in its second revision, after `alerts` has given up the key to it."""
    zones, alerts = write_module(project, "zones"), write_module(project, "alerts", requires=("zones",))
    create = f'op.create_table("old", {ID})'
    table = f'op.create_table("alerts", {ID}, sa.Column("old_id", sa.Uuid()), {FOREIGN_KEY})'
    give_up = 'with op.batch_alter_table("alerts") as b: b.drop_constraint("fk_alerts_old_id_old", type_="foreignkey")'
    take_back = (
        'with op.batch_alter_table("alerts") as b: '
        'b.create_foreign_key("fk_alerts_old_id_old", "old", ["old_id"], ["id"])'
    )
    first = revision("zones_00000001", label="zones", do=create, undo='op.drop_table("old")')
    write_revision(zones, "1", first)
    second = revision("zones_00000002", "zones_00000001", do='op.drop_table("old")', undo=create)
    drop = write_revision(zones, "2", second)
    make = revision(
        "alerts_00000001", label="alerts", depends_on="zones_00000001", do=table, undo='op.drop_table("alerts")'
    )
    made = write_revision(alerts, "1", make)
    write_revision(alerts, "2", revision("alerts_00000002", "alerts_00000001", do=give_up, undo=take_back))
    return project, drop, made


def test_the_check_names_the_revision_that_has_to_wait_and_what_to_write(history: tuple[Checkout, Path, Path]) -> None:
    project, drop, made = history
    result = project.run("manage", "check", check=False)

    assert result.returncode == 1
    assert "a foreign key of the table 'alerts' then points to nothing in 'old'" in result.stderr
    assert f"{drop} has to wait for" in result.stderr
    assert "write `depends_on = ('alerts_00000002',)` into it" in result.stderr
    assert "alembic upgrade zones@head" in result.stderr
    edit(drop, "depends_on = None", "depends_on = ('alerts_00000002',)")
    project.run("manage", "check")
    project.alembic("upgrade", "heads")
    remake(project)

    edit(made, "depends_on = 'zones_00000001'", "depends_on = None")
    result = project.run("manage", "check", check=False)
    assert f"{made} has to wait for" in result.stderr
    assert "write `depends_on = ('zones_00000001',)` into it" in result.stderr


def test_the_check_needs_no_database(sqlite_project: Checkout) -> None:
    sqlite_project.database = "postgresql://nobody@127.0.0.1:1/nowhere"

    assert "No problems found" in sqlite_project.run("manage", "check").stdout


def test_a_revision_that_cannot_run_first_is_named(sqlite_project: Checkout) -> None:
    zones, alerts = write_module(sqlite_project, "zones"), write_module(sqlite_project, "alerts")
    create = f'op.create_table("old", {ID})'
    write_revision(zones, "1", revision("zones_00000001", label="zones", do=create))
    fill = revision("alerts_00000001", label="alerts", do='op.execute("DELETE FROM old")')
    file = write_revision(alerts, "1", fill)

    result = sqlite_project.run("manage", "check", check=False)

    assert f"{file} fails: no such table: old" in result.stderr
    assert "name that in depends_on" in result.stderr


@pytest.mark.parametrize("do", ['op.execute("CREATE EXTENSION citext")', 'op.drop_constraint("uq_a", "alerts")'])
def test_what_only_another_database_can_run_says_nothing_of_an_order(sqlite_project: Checkout, do: str) -> None:
    alerts = write_module(sqlite_project, "alerts")
    write_revision(alerts, "1", revision("alerts_00000001", label="alerts", do=do))

    assert "No problems found" in sqlite_project.run("manage", "check").stdout
