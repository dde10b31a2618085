"""The rules of the architecture as functions: each takes a tree or a model of it and lists every violation."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import MetaData

MAXIMUM_LINES = 300
# They see everything, so importing them would be a way around every border.
OUTSIDE = frozenset({"bootstrap", "tests"})

Requirements = Mapping[str, Iterable[str]]
"""What each module requires, by its name."""


@dataclass(frozen=True, slots=True)
class Import:
    """`from <module> import <name>`; without a name it is `import <module>`."""

    file: Path
    line: int
    module: str
    name: str | None

    def __str__(self) -> str:
        text = f"from {self.module} import {self.name}" if self.name else f"import {self.module}"
        return f"{self.file}:{self.line}: `{text}`"


def files_in(*places: Path) -> list[Path]:
    """Every Python file, in a stable order."""
    return sorted(file for place in places for file in ([place] if place.is_file() else place.rglob("*.py")))


def imports_in(root: Path, *places: Path) -> Iterator[Import]:
    """Every import wherever it stands: within functions, behind TYPE_CHECKING, relative, and by name at run time."""
    for file in files_in(*places):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (Import(file, node.lineno, alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = _absolute(root, file, node)
                yield from (Import(file, node.lineno, module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Call) and (target := _imported_at_run_time(node)):
                yield Import(file, node.lineno, target, None)


def _absolute(root: Path, file: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = file.relative_to(root).parent.parts
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def _imported_at_run_time(node: ast.Call) -> str | None:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    argument = node.args[0] if node.args else None
    if name in {"import_module", "__import__"} and isinstance(argument, ast.Constant):
        return str(argument.value)
    return None


def shared_violations(root: Path) -> list[str]:
    """`shared/` imports no module.

    `shared/testing` is no part of the product: it puts the application together for tests, so it imports `bootstrap`.
    It knows no module either; what it needs of one, it finds in that module's `testing.py` as discovery finds parts.
    """
    return [
        f"{one}: shared/ imports no module"
        for one in imports_in(root, root / "shared")
        if (top := one.module.partition(".")[0]) in OUTSIDE | {"modules"}
        and not (top == "bootstrap" and is_for_tests(root, one))
    ]


def product_violations(root: Path) -> list[str]:
    """What runs in production imports neither `shared.testing` nor what modules have for tests."""
    product = [root / name for name in ("bootstrap.py", "migrations", "modules", "shared") if (root / name).exists()]
    return [
        f"{one}: is for tests only, which are not installed in production"
        for one in imports_in(root, *product)
        if _names_tests(one) and not is_for_tests(root, one)
    ]


def is_for_tests(root: Path, one: Import) -> bool:
    """Whether the import stands in `shared/testing`, in a module's `testing.py` or in its `tests`."""
    parts = one.file.relative_to(root).parts
    return parts[:2] == ("shared", "testing") or (parts[0] == "modules" and parts[2:3] in {("tests",), ("testing.py",)})


def _names_tests(one: Import) -> bool:
    path = [*one.module.split("."), *([one.name] if one.name else [])]
    return path[:2] == ["shared", "testing"] or (path[0] == "modules" and path[2:3] in [["tests"], ["testing"]])


def module_violations(root: Path, requires: Requirements) -> list[str]:
    """A module imports another only if it requires it, and only from its public face."""
    faces = {name: public_face(root / "modules" / name / "__init__.py") for name in requires}
    return [
        f"{one}: module {name!r} {fault}"
        for name, required in requires.items()
        for one in imports_in(root, root / "modules" / name)
        if (fault := _fault_of(one, name, set(required), faces))
    ]


def _fault_of(one: Import, importer: str, required: set[str], faces: Mapping[str, set[str]]) -> str | None:
    if one.module.partition(".")[0] in OUTSIDE:
        return "may not import what sees everything"
    path = [*one.module.split("."), *([one.name] if one.name else [])]
    if path[0] != "modules" or (len(path) > 1 and path[1] == importer):
        return None
    owner = path[1] if len(path) > 1 else ""
    if owner not in required:
        return f"does not require {owner!r}: name it in modules/{importer}/module.py, or do without"
    if one.module == f"modules.{owner}" and one.name in faces.get(owner, set()):
        return None
    return f"may import from {owner!r} only the names in __all__ of modules/{owner}/__init__.py"


def public_face(file: Path) -> set[str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and getattr(target, "id", None) == "__all__" and node.value:
            return set(ast.literal_eval(node.value))
    return set()


def foreign_key_violations(metadata: MetaData, owners: Mapping[str, str], requires: Requirements) -> list[str]:
    """A foreign key crosses modules only along `requires`. `owners` tells which module owns which table."""
    found = []
    for table in metadata.tables.values():
        for key in table.foreign_keys:
            source, target = owners.get(table.fullname), owners.get(key.target_fullname.rpartition(".")[0])
            if source is None or target is None or (source != target and target not in requires[source]):
                found.append(f"{key.parent} -> {key.target_fullname}: module {source!r} does not require {target!r}")
    return sorted(found)


def misplaced_tables(root: Path) -> list[str]:
    """A table stands in the `models.py` of a module, nowhere else, or nobody would find its owner."""
    return [
        f"{file}:{line}: the table {table!r} belongs into modules/<module>/models.py"
        for file, line, table in declared_tables(root)
        if not _holds_models(file.relative_to(root).parts)
    ]


def unowned_tables(metadata: MetaData, owners: Mapping[str, str]) -> list[str]:
    """Every table that is known once all is imported belongs to a module."""
    return sorted(f"the table {name!r} belongs to no module" for name in metadata.tables if name not in owners)


def foreign_migrations(created_by: Mapping[str, str], owners: Mapping[str, str]) -> list[str]:
    """A module's migration branch creates its own tables. Both map a table to a module."""
    return [
        f"the table {table!r} is of module {owner!r}, and created by the migrations of {created_by.get(table)!r}"
        for table, owner in owners.items()
        if created_by.get(table) != owner
    ]


def declared_tables(root: Path) -> Iterator[tuple[Path, int, str]]:
    """Classes with `__tablename__` and `Table("...")` calls: file, line, table."""
    for file in files_in(root / "shared", root / "modules", root / "bootstrap.py"):
        if "migrations" in file.relative_to(root).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name: ast.expr | None = None
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__tablename__":
                name = node.value
            elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) == "Table":
                name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant):
                yield file, name.lineno, str(name.value)


def _holds_models(parts: tuple[str, ...]) -> bool:
    return len(parts) > 2 and parts[0] == "modules" and parts[2] in {"models.py", "models"}


def long_files(*places: Path) -> list[str]:
    """No file has more than 300 lines: it is split by use case before."""
    return [
        f"{file} has {lines} lines, {MAXIMUM_LINES} are the limit: split it by use case"
        for file in files_in(*places)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > MAXIMUM_LINES
    ]


def blind_handlers(*places: Path) -> list[str]:
    """Who catches an IntegrityError asks which constraint it is about: there may be others, of other modules."""
    return [
        f"{file}:{node.lineno}: tell the constraints apart, by `failing_as` or `constraint_of` of shared.database"
        for file in files_in(*places)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and "IntegrityError" in ast.unparse(node.type)
        and not any("constraint_of(" in ast.unparse(statement) for statement in node.body)
    ]
