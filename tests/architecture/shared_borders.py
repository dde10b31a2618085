"""The borders inside `shared/`, and circles of imports anywhere: each function lists every violation."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.architecture.module_borders import Import, files_in, imports_in, public_face


def violations_of_public_faces(root: Path) -> list[str]:
    """A module imports of a package of `shared/` only the names in its `__all__`, and never `shared.assembly`."""
    packages = {file.parent.name: public_face(file) for file in sorted((root / "shared").glob("*/__init__.py"))}
    return [
        f"{one}: {fault}"
        for one in imports_in(root, root / "modules")
        if (fault := _fault_of(one, packages)) is not None
    ]


def _fault_of(one: Import, packages: Mapping[str, set[str]]) -> str | None:
    path = [*one.module.split("."), *([one.name] if one.name else [])]
    if path[0] != "shared":
        return None
    package = path[1] if len(path) > 1 else "*"
    if package == "*":
        return "say which part of shared/ is meant"
    if package not in packages or (one.module == f"shared.{package}" and one.name in packages[package]):
        return None
    names = ", ".join(sorted(packages[package]))
    return f"shared.{package} is for modules only by the names in its __all__: {names or 'there are none'}"


def circles(root: Path, *places: Path) -> list[str]:
    """Files that import one another, behind TYPE_CHECKING and within functions, too.

    A package's `__init__` imports its files, and a file that imports a name of a package depends on its `__init__`.
    """
    files = {_name_of(root, file): file for file in files_in(*places)}
    graph = {name: set(_imported(root, file, files)) - {name} for name, file in files.items()}
    found = []
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: Sequence[str] = error.args[1]
            found.append(" imports ".join(reversed(circle)))
            graph[circle[1]].discard(circle[0])
        else:
            return found


def _imported(root: Path, file: Path, files: Mapping[str, Path]) -> Iterator[str]:
    for one in imports_in(root, file):
        of_a_package = f"{one.module}.{one.name}"
        yield of_a_package if of_a_package in files else one.module


def _name_of(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
