"""What Alembic would not notice, or would answer with a traceback, is told with the file's name."""

from pathlib import Path

import pytest

from migrations.faults import check_branches
from shared.assembly.branches import MAXIMUM_ID_LENGTH, module_of, new_revision_id, read_branches
from shared.assembly.discovery import DiscoveredModule, Modules
from shared.module import Module, ModuleError
from tests.migrations.commands import Checkout
from tests.migrations.written import USERS, modules_in, revision, write_revision

FIRST = revision("users_00000001", label="users")
SECOND = revision("users_00000002", "users_00000001")
UNREADABLE = "cannot be read: invalid syntax (<unknown>, line 1)"
AUTH = revision("auth_00000001", label="auth")


def written(folder: Path, files: dict[str, str]) -> Modules:
    """The modules `users` and `auth`, which requires it, with the revision files `{"users/1": text}`."""
    requires: dict[str, tuple[str, ...]] = {"users": (), "auth": ("users",)}
    for place, text in files.items():
        module, _, name = place.partition("/")
        write_revision(folder / module, name, text)
    return Modules(
        DiscoveredModule(name, folder / name, f"written.{name}", Module(description="", requires=required))
        for name, required in requires.items()
    )


def test_branches_in_order_have_no_faults(tmp_path: Path) -> None:
    auth = revision("auth_00000001", label="auth", depends_on="users_00000002")
    against_the_arrow = revision("users_00000003", "users_00000002", depends_on="auth_00000001")
    files = {"users/1": FIRST, "users/2": SECOND, "users/3": against_the_arrow, "auth/1": auth}
    files |= {"users/__init__": "", "users/_draft": "no revision"}

    check_branches(written(tmp_path, files))


@pytest.mark.parametrize(
    ("files", "named", "message"),
    [
        pytest.param(
            {"users/1": FIRST, "users/2": SECOND, "users/3": SECOND},
            ["users/2", "users/3"],
            "the id 'users_00000002' is used twice",
            id="an id twice",
        ),
        pytest.param(
            {"users/1": FIRST, "users/2": revision("users_00000002", label="users")},
            ["users/1", "users/2"],
            "module 'users' begins twice",
            id="two beginnings, so the same label twice",
        ),
        pytest.param(
            {"users/1": FIRST, "users/2": revision("users_00000002", "users_00000001", label="users")},
            ["users/2"],
            "branch_labels must be None",
            id="a label on a later revision",
        ),
        pytest.param(
            {"users/1": revision("users_00000001")},
            ["users/1"],
            "branch_labels must be ('users',)",
            id="no label",
        ),
        pytest.param(
            {"users/1": revision("users_00000001", label="people")},
            ["users/1"],
            "branch_labels must be ('users',)",
            id="another label",
        ),
        pytest.param(
            {"users/1": revision("6813f2da", label="users")},
            ["users/1"],
            "the id '6813f2da' must be 'users', an underscore and 8 hexadecimal digits",
            id="an id without its module",
        ),
        pytest.param(
            {"users/1": revision("auth_6813f2da", label="users")},
            ["users/1"],
            "the id 'auth_6813f2da' must be 'users', an underscore",
            id="an id of another module",
        ),
        pytest.param(
            {"users/1": FIRST, "auth/1": revision("auth_00000001", label="auth", depends_on="users")},
            ["auth/1"],
            "depends_on 'users' is not a revision; write the id itself, not a label",
            id="depends on a label",
        ),
        pytest.param(
            {"users/1": FIRST, "auth/1": revision("auth_00000001", label="auth", depends_on="users_0000000f")},
            ["auth/1"],
            "depends_on 'users_0000000f' is not a revision",
            id="depends on an unknown id",
        ),
        pytest.param(
            {
                "users/1": FIRST,
                "users/2": revision("users_00000002", "users_00000001", depends_on="auth_00000001"),
                "auth/1": revision("auth_00000001", label="auth", depends_on="users_00000002"),
            },
            ["users/2", "auth/1"],
            "wait for each other in a circle",
            id="two modules wait for each other",
        ),
        pytest.param(
            {"users/1": FIRST, "auth/1": revision("auth_00000001", "users_00000001")},
            ["auth/1"],
            "down_revision 'users_00000001' is not a revision of module 'auth'",
            id="goes on from another module",
        ),
        pytest.param(
            {"users/1": revision("users_00000001", "users_0000000f")},
            ["users/1"],
            "down_revision 'users_0000000f' is not a revision of module 'users'",
            id="goes on from nothing",
        ),
        pytest.param(
            {"users/1": revision("users_00000001", "users_00000002"), "users/2": SECOND},
            ["users/1", "users/2"],
            "in a circle",
            id="goes round in a circle",
        ),
        pytest.param({"users/1": FIRST, "users/helpers": "x = 1"}, ["users/helpers"], "no `revision`", id="a helper"),
        pytest.param(
            {"users/1": "revision ="},
            ["users/1"],
            UNREADABLE,
            id="a syntax error",
        ),
        pytest.param(
            {"users/1": "<<<<<<< HEAD\n"},
            ["users/1"],
            UNREADABLE,
            id="a merge conflict",
        ),
    ],
)
def test_a_fault_is_told_with_its_file(tmp_path: Path, files: dict[str, str], named: list[str], message: str) -> None:
    modules = written(tmp_path, files)

    with pytest.raises(ModuleError) as caught:
        check_branches(modules)

    assert message in str(caught.value)
    for place in named:
        module, _, name = place.partition("/")
        file = tmp_path / module / ("module.py" if name == "module" else f"migrations/{name}.py")
        assert str(file) in str(caught.value)


def test_a_module_name_that_makes_ids_too_long_for_postgresql_is_a_fault(tmp_path: Path) -> None:
    def named(name: str) -> Modules:
        return Modules([DiscoveredModule(name, tmp_path / name, name, Module(description=""))])

    check_branches(named("a" * 23))
    with pytest.raises(ModuleError, match="rename the module, to 23 characters at most"):
        check_branches(named("a" * 24))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    modules = written(tmp_path, {"users/1": revision("x"), "auth/1": revision("auth_1", depends_on="users")})

    with pytest.raises(ModuleError) as caught:
        check_branches(modules)

    assert len([line for line in str(caught.value).splitlines() if line.startswith("  - ")]) == 5


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    modules = written(tmp_path, {"users/1": FIRST})
    file = tmp_path / "users/migrations/1.py"
    file.write_bytes("# é".encode("latin-1"))

    with pytest.raises(ModuleError, match=rf"{file} cannot be read: 'utf-8' codec"):
        check_branches(modules)


def test_a_new_id_is_in_order_and_names_its_module_again() -> None:
    for name in ("users", "two_words", "a" * 23):
        ids = {new_revision_id(name) for _ in range(50)}
        assert len(ids) == 50
        assert all(module_of(one) == name and len(one) <= MAXIMUM_ID_LENGTH for one in ids)


def test_every_command_tells_a_fault_without_a_traceback(sqlite_project: Checkout) -> None:
    original = read_branches(modules_in(sqlite_project))[USERS]
    copy = write_revision(sqlite_project.path / "modules/users", "copy", revision(USERS, original.down))

    for command in (["heads"], ["current"], ["upgrade", "heads"], ["revision", "--autogenerate", "-m", "x"]):
        refusal = sqlite_project.refusal(*command)
        assert "FAILED: The migration branches are not in order" in refusal
        assert str(copy) in refusal
        assert str(original.file) in refusal
