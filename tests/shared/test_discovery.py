"""How modules are found and sorted, and how discovery fails: loudly, naming the module and the file."""

import sys
from pathlib import Path

import pytest

from shared.assembly.discovery import discover
from shared.module import Module, ModuleError
from tests.project import Project
from tests.shared.packages import MakeModules, declaration
from tests.trees import write


def test_each_module_comes_after_what_it_requires_and_ties_go_by_name(make_modules: MakeModules) -> None:
    modules = make_modules(
        {
            "alpha/module.py": declaration("requires=('zulu',)"),
            "mike/module.py": declaration(),
            "bravo/module.py": declaration("requires=('alpha', 'mike')"),
            "zulu/module.py": declaration(),
            "kilo/module.py": declaration(),
        }
    )

    assert list(modules) == ["kilo", "mike", "zulu", "alpha", "bravo"]
    assert modules.required_by("bravo") == {"alpha", "mike", "zulu"}
    assert modules.dependants_of("zulu") == ["alpha", "bravo"]


def test_the_modules_of_the_project_are_found_in_order() -> None:
    modules = list(discover())

    assert modules.index("users") < modules.index("auth")


def test_declarations_are_read_without_importing_the_modules(make_modules: MakeModules) -> None:
    modules = make_modules({"alpha/__init__.py": "raise RuntimeError", "alpha/module.py": declaration()})

    assert list(modules) == ["alpha"]
    assert modules["alpha"].package not in sys.modules


def test_the_folder_says_the_prefix_unless_the_declaration_does(make_modules: MakeModules) -> None:
    modules = make_modules({"alpha/module.py": declaration(), "bravo/module.py": declaration("prefix=''")})

    assert [module.prefix for module in modules.values()] == ["/alpha", ""]


def test_what_git_leaves_behind_is_no_module(make_modules: MakeModules, tmp_path: Path) -> None:
    modules = make_modules(
        {"alpha/module.py": declaration(), "gone/__pycache__/router.pyc": "", "_draft/x.py": "", "__init__.py": ""}
    )

    assert list(modules) == ["alpha"]


def test_an_unknown_requirement_is_named(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"'alpha': .*alpha/module\.py requires 'bravo', .*no such module"):
        make_modules({"alpha/module.py": declaration("requires=('bravo',)")})


def test_a_cycle_is_named_with_its_path(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError) as caught:
        make_modules(
            {
                "alpha/module.py": declaration("requires=('bravo',)"),
                "bravo/module.py": declaration("requires=('charlie',)"),
                "charlie/module.py": declaration("requires=('alpha',)"),
                "innocent/module.py": declaration("requires=('alpha',)"),
            }
        )

    message = str(caught.value)
    # The circle may begin anywhere; each arrow leads from a module to one that it requires.
    turns = ["alpha -> bravo -> charlie -> alpha", "bravo -> charlie -> alpha -> bravo"]
    assert any(turn in message for turn in [*turns, "charlie -> alpha -> bravo -> charlie"])
    assert all(f"{name}/module.py" in message for name in ("alpha", "bravo", "charlie"))
    assert "innocent" not in message


def test_a_module_that_requires_itself_is_a_cycle(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"circle: alpha -> alpha .*alpha/module\.py"):
        make_modules({"alpha/module.py": declaration("requires=('alpha',)")})


def test_a_folder_without_a_declaration_is_named(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"'alpha': .*alpha/module\.py is missing"):
        make_modules({"alpha/router.py": ""})


def test_a_folder_that_is_no_python_name_is_refused(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"'Alpha-1': the folder .* must be a lower-case Python name"):
        make_modules({"Alpha-1/module.py": declaration()})


def test_one_name_in_two_places_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"first_place/alpha/module.py": declaration(), "second_place/alpha/module.py": declaration()})
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleError, match=r"'alpha' stands in two places: .*first_place.*second_place"):
        discover("first_place", "second_place")


def test_a_package_that_does_not_exist_is_named() -> None:
    with pytest.raises(ModuleError, match="no package 'nowhere_to_be_found'"):
        discover("nowhere_to_be_found")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("module = 'alpha'", "must define `module = Module"),
        ("x = 1", "must define `module = Module"),
        ("module =", "SyntaxError"),
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("from shared.module import Module\nmodule = Module()", "TypeError: .*description"),
        (declaration("requirs=()"), "TypeError: .*requirs"),
        (declaration("requires=('users')"), r"TypeError: .*write requires=\('users',\)"),
        (declaration("permissions=(Permission('alpha', ''),)"), "ValueError: .*'module:resource.action'"),
        (declaration("permissions=(Permission('alpha:Note.read', ''),)"), "ValueError: .*'module:resource.action'"),
    ],
)
def test_a_faulty_declaration_is_named_with_its_cause(make_modules: MakeModules, source: str, reason: str) -> None:
    with pytest.raises(ModuleError, match=rf"'alpha': .*alpha/module\.py:? .*{reason}"):
        make_modules({"alpha/module.py": source})


def test_a_permission_declared_twice_is_refused(make_modules: MakeModules) -> None:
    twice = "permissions=(Permission('alpha:note.read', 'One.'), Permission('alpha:note.read', 'Two.'))"

    with pytest.raises(ModuleError, match=r"'alpha': .*alpha/module\.py: permission 'alpha:note.read' is declared twi"):
        make_modules({"alpha/module.py": declaration(twice)})


def test_a_permission_in_another_modules_name_is_refused(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"'alpha': .*permission 'bravo:note.read' must begin with 'alpha:'"):
        make_modules({"alpha/module.py": declaration("permissions=(Permission('bravo:note.read', ''),)")})


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("from shared.errors import Nothing", "ImportError: cannot import name 'Nothing'"),
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
@pytest.mark.parametrize("file", ["models.py", "models/__init__.py"])
def test_an_import_error_inside_a_file_is_never_swallowed(
    make_modules: MakeModules, file: str, source: str, cause: str
) -> None:
    modules = make_modules({"alpha/module.py": declaration(), f"alpha/{file}": source})

    with pytest.raises(ModuleError, match=rf"'alpha': .*alpha/models.*\.py cannot be imported: {cause}") as caught:
        modules.import_models()
    assert caught.value.__cause__ is not None


def test_a_file_that_lacks_what_it_is_for_is_named(make_modules: MakeModules) -> None:
    modules = make_modules({"alpha/module.py": declaration(), "alpha/container.py": "Contianer = 1"})

    with pytest.raises(ModuleError, match=r"'alpha': .*alpha/container\.py must define 'Container'"):
        modules["alpha"].attribute("container", "Container")


def test_a_table_in_two_modules_is_refused(sqlite_project: Project) -> None:
    # In a process of its own: a table once defined stays.
    model = "from shared.database import Base, Id\nfrom sqlalchemy.orm import Mapped\n\n\nclass {0}(Base):\n"
    table = '    __tablename__ = "things"\n    id: Mapped[Id]\n'
    write(
        sqlite_project.path / "modules",
        {
            "alpha/module.py": declaration(),
            "alpha/models.py": model.format("Alpha") + table,
            "bravo/module.py": declaration(),
            "bravo/models.py": model.format("Bravo") + table,
        },
    )

    found = sqlite_project.run("manage", "check", check=False)

    assert found.returncode != 0
    assert "module 'bravo'" in found.stderr
    assert "modules/bravo/models.py" in found.stderr
    assert "'things'" in found.stderr
    assert str(Path("alpha", "models.py")) in found.stderr
    assert "Traceback" not in found.stderr


def test_switching_off_an_unknown_module_is_refused() -> None:
    with pytest.raises(ModuleError, match=r"DISABLED_MODULES names 'usres'; the modules are .*'users'"):
        discover().without(["usres"])


def test_switching_off_what_another_module_requires_is_refused(make_modules: MakeModules) -> None:
    modules = make_modules(
        {"alpha/module.py": declaration(), "bravo/module.py": declaration("requires=('alpha',)")},
    )

    with pytest.raises(ModuleError, match="'bravo' requires 'alpha', which DISABLED_MODULES switches off"):
        modules.without(["alpha"])
    assert list(modules.without(["bravo"])) == ["alpha"]
    assert list(modules.without(["alpha", "bravo"])) == []


@pytest.mark.parametrize("declared", ["cors_headers", "cors_exposed"])
def test_a_module_cannot_declare_what_is_no_header(declared: str) -> None:
    for wrong in (("*",), ("X Organisation",), ("",), ("X-A, X-B",), ("X-Größe",), ("X-A\r\nX-B",)):
        with pytest.raises(ValueError, match="no name of a header"):
            Module(description="A test.", **{declared: wrong})  # type: ignore[arg-type]  # either of the two
    with pytest.raises(TypeError, match="tuple"):
        Module(description="A test.", **{declared: "X-Organisation-Id"})  # type: ignore[arg-type]  # the mistake
