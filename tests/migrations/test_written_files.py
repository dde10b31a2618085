"""No command writes a file after which every command refuses: it is refused beforehand, or made right."""

import pytest

from shared.assembly.branches import Revision, read_branches
from tests.migrations.commands import Checkout
from tests.migrations.written import (
    AUTH,
    MOTTO,
    TEXT,
    USERS,
    add_column,
    model,
    modules_in,
    revision,
    write_module,
    write_revision,
)

OLD = "users_6813f2da"
VERSION = "auth_version: Mapped[int] = mapped_column(default=1)"
BY_HAND = ("revision", "-m", "x", "--head")


@pytest.fixture
def project(sqlite_project: Checkout) -> Checkout:
    return sqlite_project


def new_revisions(project: Checkout, before: set[str]) -> list[Revision]:
    branches = read_branches(modules_in(project))
    return [branches[one] for one in branches if one not in before]


REFUSED = [
    (("merge", "-m", "x", "heads"), "This would merge the modules auth, users"),
    (("merge", "-m", "x", "users@head", "auth@head"), "This would merge the modules auth, users"),
    (("merge", "-m", "x", "--rev-id", "abc", USERS, AUTH), "This would merge the modules auth, users"),
    (("merge", "-m", "x", "users@heads"), f"There is nothing to merge: users has one head, {USERS}"),
    (("merge", "-m", "x", OLD, USERS, "--splice"), "--splice: a module's history is one line"),
    (("merge", "-m", "x", OLD, USERS), f"{OLD}: not among the latest revisions of 'users'"),
    (("merge", "-m", "x", "nobody@head"), "'head' is not a revision"),
    (("revision", "-m", "x"), "Say which module this revision is for"),
    ((*BY_HAND, "users@head", "--rev-id", "abc"), "leave --rev-id away, and one is made"),
    ((*BY_HAND, "users@head", "--rev-id", "auth_00000001"), "an id is 'users', an underscore and 8"),
    ((*BY_HAND, "users@head", "--rev-id", USERS), "is used twice"),
    ((*BY_HAND, "users@head", "--branch-label", "foo"), "--branch-label foo: a module's first revision gets"),
    ((*BY_HAND, "users@base"), f"--head users@base is not the latest revision of module 'users', which is {USERS}"),
    ((*BY_HAND, OLD), "say --head users@head"),
    ((*BY_HAND, OLD, "--splice"), "--splice: a module's history is one line"),
    ((*BY_HAND, "base"), "there is no module 'base'"),
    ((*BY_HAND, "users@head", "--version-path", "modules/auth/migrations"), "belongs into"),
    ((*BY_HAND, "auth@head", "--depends-on", "nothing"), "'nothing' is not a revision"),
    ((*BY_HAND, "auth@head", "--depends-on", "notes@head"), "module 'notes' has no revision to depend on"),
]
DRAFTS_REFUSED = [
    (("--rev-id", "abc"), "--rev-id with --autogenerate: each module that changed gets a file of its own"),
    (("--branch-label", "foo", "--splice"), "--branch-label, --splice with --autogenerate"),
    (("--version-path", "modules/auth/migrations"), "--version-path with --autogenerate"),
    (("--head", "users@base"), "--head users@base is not the latest revision"),
    (("--head", OLD), "say --head users@head"),
    (("--depends-on", "nothing@head"), "'head' is not a revision"),
    (("--depends-on", "auth@head"), "say which one depends on it: --head <module>@head"),
]


def test_a_command_that_would_write_such_a_file_is_refused_with_what_to_do(project: Checkout) -> None:
    write_module(project, "notes", model("notes", TEXT))
    before = project.changed_files()
    for command, reason in REFUSED:
        refusal = project.refusal(*command)
        assert reason in refusal, command
        assert "No file was written" in refusal
        assert project.changed_files() == before, command
    project.alembic("upgrade", "heads")

    add_column(project, "auth", VERSION, MOTTO)
    before = project.changed_files()
    for options, reason in DRAFTS_REFUSED:
        assert reason in project.refusal("revision", "--autogenerate", "-m", "x", *options), options
        assert project.changed_files() == before, options


@pytest.mark.parametrize(
    ("options", "depends_on"),
    [
        (("--head", "auth@head", "--depends-on", "users@head"), (USERS,)),
        (("--head", "auth@head", "--depends-on", "users"), (USERS,)),
        (("--head", AUTH, "--depends-on", OLD), (OLD,)),
        (("--head", "auth", "--rev-id", "auth_0000000a"), ()),
        (("--head", "auth@heads", "--depends-on", AUTH, "--version-path", "modules/auth/migrations"), ()),
        (("--autogenerate", "--head", "auth@head", "--depends-on", "users@head"), (USERS,)),
    ],
)
def test_what_can_be_made_right_is(project: Checkout, options: tuple[str, ...], depends_on: tuple[str, ...]) -> None:
    project.alembic("upgrade", "heads")
    add_column(project, "auth", VERSION, MOTTO)
    before = set(read_branches(modules_in(project)))

    project.alembic("revision", "-m", "x", *options)

    (new,) = new_revisions(project, before)
    assert (new.module, new.down, new.depends_on, new.labels) == ("auth", (AUTH,), depends_on, ())
    project.alembic("upgrade", "heads")


def test_a_first_revision_by_hand_begins_its_module(project: Checkout) -> None:
    write_module(project, "notes")

    project.alembic("revision", "-m", "x", "--head", "notes@head", "--branch-label", "notes")

    (new,) = read_branches(modules_in(project)).of("notes")
    assert (new.down, new.labels) == ((), ("notes",))
    project.alembic("upgrade", "heads")


def test_two_heads_of_one_module_are_merged_under_a_proper_id(project: Checkout) -> None:
    folder = project.path / "modules/users"
    for digit in "ab":
        write_revision(folder, f"2026_12_0{digit}", revision(f"users_0000000{digit}", down=USERS))

    assert "alembic merge -m 'merge users' users@heads" in project.refusal("merge", "-m", "x", "heads")
    assert "module 'users' has 2 heads" in project.refusal(*BY_HAND, "users@head")
    before = set(read_branches(modules_in(project)))
    project.alembic("merge", "-m", "x", "users@heads")

    (new,) = new_revisions(project, before)
    assert new.module == "users"
    assert set(new.down) == {"users_0000000a", "users_0000000b"}
    project.alembic("upgrade", "heads")


def test_revisions_of_one_second_and_one_message_have_a_file_each(project: Checkout) -> None:
    before = set(read_branches(modules_in(project)))
    for _ in range(6):
        project.alembic("revision", "--head", "users@head", "-m", "change")

    assert len({one.file for one in new_revisions(project, before)}) == 6
