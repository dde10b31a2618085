"""What a module needs from the package index stands in its folder, and is missed with a name and a way out."""

import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from bootstrap import create_app
from shared.assembly.packages import COMMAND
from shared.module import ModuleError
from tests.conftest import module_settings, settings_for
from tests.project import Project
from tests.shared.packages import MakeModules, declaration, make_modules  # noqa: F401 - a fixture
from tests.trees import write

MODULE = {"module.py": declaration(), "__init__.py": ""}
NEEDS_PARCEL = "import parcel\n\nfrom fastapi import APIRouter\n\nrouter = APIRouter()\n"
PYPROJECT = """
[project]
name = "tiny"
version = "0"
requires-python = ">=3.11"
dependencies = []

[dependency-groups]
modules = []

[tool.uv]
package = false
"""


def started(make: MakeModules, files: dict[str, str]) -> str:
    """What the start says."""
    modules = make(files, besides=("modules",))
    with pytest.raises(ModuleError) as failure:
        create_app(settings_for("sqlite://"), module_settings=module_settings(), modules=modules)
    return str(failure.value)


def test_the_start_names_all_that_is_missing_or_too_old_by_module(
    make_modules: MakeModules,  # noqa: F811 - the fixture
) -> None:
    said = started(
        make_modules,
        {
            "parcels/module.py": declaration(),
            "parcels/router.py": NEEDS_PARCEL,
            "parcels/requirements.txt": "# sends them\nparcel-of-ours>=1.2,<2  # not there\nfastapi[all]>=0.1,<9\n",
            "stamps/module.py": declaration(),
            "stamps/requirements.txt": "pytest>=1,<2\nnot-here>=1,<2; python_version < '3'\n",
        },
    )

    missing, too_old, run = said.splitlines()[1:]
    assert "module 'parcels'" in missing
    assert "parcels/requirements.txt asks for parcel-of-ours<2,>=1.2, and it is not installed" in missing
    assert "module 'stamps'" in too_old
    assert f"asks for pytest<2,>=1, and pytest {pytest.__version__} is installed" in too_old
    assert COMMAND in run


@pytest.mark.parametrize("line", ["parcel", "parcel>=1", "-r more.txt", "parcel @ https://x.test/parcel.whl", "??"])
def test_a_line_that_is_no_package_with_an_upper_bound_is_named(
    make_modules: MakeModules,  # noqa: F811 - the fixture
    line: str,
) -> None:
    said = started(make_modules, {"a/module.py": declaration(), "a/requirements.txt": f"\n{line}\n"})

    assert "module 'a'" in said
    assert f"requirements.txt:2: '{line}'" in said


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a/requirements.txt": "parcel-of-ours>=1,<2\n"}, "asks for parcel-of-ours<2,>=1, and it is not installed"),
        ({}, "cannot be imported: ModuleNotFoundError: No module named 'parcel_of_ours'"),
    ],
)
def test_an_import_that_fails_for_it_says_the_same(
    make_modules: MakeModules,  # noqa: F811 - the fixture
    files: dict[str, str],
    said: str,
) -> None:
    modules = make_modules({"a/module.py": declaration(), "a/models.py": "import parcel_of_ours\n"} | files)

    with pytest.raises(ModuleError, match=re.escape(said)):
        modules.import_models()


def test_every_command_stops_at_what_is_missing(sqlite_project: Project) -> None:
    needs = MODULE | {"router.py": NEEDS_PARCEL, "cli.py": NEEDS_PARCEL, "requirements.txt": "parcel>=1,<2\n"}
    write(sqlite_project.path / "modules" / "parcels", needs)

    for command in (["check"], ["auth", "purge"], ["openapi"]):
        result = sqlite_project.run("manage", *command, check=False)
        assert result.returncode == 1
        assert "module 'parcels'" in result.stderr
        assert COMMAND in result.stderr
        assert "Traceback" not in result.stderr


def test_the_check_names_what_the_lock_file_lacks(sqlite_project: Project) -> None:
    write(sqlite_project.path / "modules" / "parcels", MODULE | {"requirements.txt": "pytest>=8,<10\n"})

    result = sqlite_project.run("manage", "check", check=False)

    assert result.returncode == 1
    assert "asks for pytest<10,>=8, and it is not in requirements.lock. Run: uv run manage req" in result.stderr


@pytest.fixture
def tiny(sqlite_project: Project, tmp_path: Path) -> Project:
    """A project whose packages come from a folder, so that uv needs no index."""
    (tmp_path / "wheels").mkdir()
    for version in ("1.2", "1.5", "2.0"):
        _wheel(tmp_path / "wheels", "parcel", version)
    (sqlite_project.path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (sqlite_project.path / "requirements.lock").unlink()
    uv = {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(tmp_path / "wheels"), "UV_PYTHON": sys.executable}
    return replace(sqlite_project, variables=uv | {"UV_NO_CONFIG": "1"})


def _wheel(folder: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def needs(project: Project, module: str, text: str) -> None:
    write(project.path / "modules" / module, MODULE | {"requirements.txt": text})


def taken(project: Project) -> tuple[list[str], str]:
    """The dependency group, and the lock file."""
    groups = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return groups["modules"], (project.path / "requirements.lock").read_text(encoding="utf-8")


def test_one_command_takes_in_what_modules_need_and_puts_out_what_none_needs(tiny: Project) -> None:
    needs(tiny, "parcels", "parcel>=1,<2\n")

    said = tiny.run("manage", "requirements").stdout
    group, lock = taken(tiny)
    assert said.splitlines()[0] == "uv add --group modules 'parcel<2,>=1'"
    assert group == ["parcel>=1,<2"]
    assert "parcel==1.5" in lock
    assert "--hash=sha256:" in lock

    needs(tiny, "stamps", "parcel>=1.1,<1.4\n")
    tiny.run("manage", "requirements")
    assert "parcel==1.2" in taken(tiny)[1]
    assert "uv " not in tiny.run("manage", "requirements").stdout, "there is nothing left to do"

    for module in ("parcels", "stamps"):
        (tiny.path / "modules" / module / "requirements.txt").unlink()
    assert "uv remove --group modules parcel" in tiny.run("manage", "requirements").stdout
    group, lock = taken(tiny)
    assert group == []
    assert "parcel" not in lock


def test_two_modules_that_cannot_be_had_together_change_nothing(tiny: Project) -> None:
    needs(tiny, "parcels", "parcel>=1,<2\n")
    needs(tiny, "stamps", "parcel>=2,<3\n")

    result = tiny.run("manage", "requirements", check=False)

    assert result.returncode == 1
    assert "parcel" in result.stderr
    assert (tiny.path / "pyproject.toml").read_text(encoding="utf-8") == PYPROJECT
