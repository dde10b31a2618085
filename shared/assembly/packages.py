"""The Python packages that modules need: `requirements.txt` in a module's folder, beside its code.

`manage requirements` takes them into `pyproject.toml`, as the dependency group `modules`, and into the lock file.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from shared.project import ROOT

FILE = "requirements.txt"
GROUP = "modules"
LOCK = "requirements.lock"
LOCK_OPTIONS = ("--universal", "--generate-hashes", "--python-version", "3.11")
COMMAND = "uv run manage requirements"

VersionOf = Callable[[NormalizedName], str | None]
Folders = Mapping[str, Path]
"""The folder of each module, by its name."""


def requirements_in(folder: Path) -> list[Requirement]:
    """The requirements in a module's `requirements.txt`; none if there is no such file.

    Raises:
        ValueError: A line is not a package with bounds.
    """
    file = folder / FILE
    if not file.exists():
        return []
    lines = (line.split(" #")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [_read(file, number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]


def _read(file: Path, number: int, line: str) -> Requirement:
    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        raise ValueError(f"{file}:{number}: {line!r} is not a package with its bounds: {error}") from None
    if requirement.url:
        raise ValueError(f"{file}:{number}: {line!r} names an address; packages come from the index")
    if not any(one.operator in {"<", "==", "~=", "<="} for one in requirement.specifier):
        raise ValueError(f"{file}:{number}: {line!r} needs an upper bound, as in {requirement.name}>=1.2,<2")
    return requirement


def package_faults(folders: Folders) -> list[str]:
    """A line for each package that is not installed, or in a version outside a module's bounds."""
    return _faults(folders, _installed, "it is not installed", "{} is installed")


def report_of_missing(folders: Folders) -> str:
    """The result of `package_faults`, and what to do about it; empty if nothing is missing."""
    faults = [f"  - {fault}" for fault in package_faults(folders)]
    return "\n".join(["Python packages are missing:", *faults, f"  - Run: {COMMAND}"]) if faults else ""


def lock_faults(folders: Folders) -> list[str]:
    """A line for each package that the lock file, and so production, lacks or has in another version."""
    file = ROOT / LOCK
    if not file.exists():  # installed as a package
        return []
    locked = {
        canonicalize_name(name): found
        for name, found in re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    return _faults(folders, locked.get, f"it is not in {LOCK}", f"{LOCK} has {{}}")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _faults(folders: Folders, version_of: VersionOf, missing: str, other: str) -> list[str]:
    found = []
    for name, folder in folders.items():
        try:
            requirements = requirements_in(folder)
        except ValueError as error:
            found.append(f"module {name!r}: {error}")
            continue
        for one in requirements:
            if one.marker is not None and not one.marker.evaluate():
                continue
            present = version_of(canonicalize_name(one.name))
            if present is None or not one.specifier.contains(present, prereleases=True):
                fault = missing if present is None else other.format(f"{one.name} {present}")
                found.append(f"module {name!r}: {folder / FILE} asks for {one}, and {fault}")
    return found


def adopt(folders: Folders) -> None:
    """Update the dependency group and the lock file to the modules' requirements; prints each command that it runs.

    Ends the process when a `requirements.txt` cannot be read, or uv fails, which then says why.
    """
    try:
        wanted = _wanted(folders)
    except ValueError as error:
        sys.exit(str(error))
    present = {canonicalize_name(one.name): one for one in map(Requirement, _group())}
    if gone := [name for name in present if name not in wanted]:
        _uv("remove", "--group", GROUP, *gone)
    if new := [str(one) for name, one in wanted.items() if present.get(name) != one]:
        _uv("add", "--group", GROUP, *new)
    if gone or new or lock_faults(folders):
        _uv("pip", "compile", "--quiet", "pyproject.toml", "--group", GROUP, *LOCK_OPTIONS, "-o", LOCK)
    asked = ", ".join(map(str, wanted.values())) or "no package"
    sys.stdout.write(f"The modules ask for {asked}; pyproject.toml and {LOCK} have it.\n")


def _wanted(folders: Folders) -> dict[NormalizedName, Requirement]:
    """One requirement for each package, within the bounds of every module."""
    wanted: dict[NormalizedName, Requirement] = {}
    for folder in folders.values():
        for one in requirements_in(folder):
            name = canonicalize_name(one.name)
            if name in wanted:
                other = wanted[name]
                if one.marker != other.marker:
                    raise ValueError(f"{folder / FILE}: another module asks for {other}, under another condition")
                one.specifier &= other.specifier
                one.extras |= other.extras
            wanted[name] = one
    return dict(sorted(wanted.items()))


def _group() -> list[str]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")).get("dependency-groups", {})
    found: list[str] = groups.get(GROUP, [])
    return found


def _uv(*arguments: str) -> None:
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        sys.exit("uv is missing: pip install uv")
    sys.stdout.write(f"{shlex.join(['uv', *arguments])}\n")
    sys.stdout.flush()
    if subprocess.run([program, *arguments], cwd=ROOT, check=False).returncode:  # noqa: S603 - from requirements.txt
        sys.exit("uv has not done it; see above")
