"""Finds the modules: every folder of `modules/`, sorted so that each comes after those it requires."""

import importlib
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

from sqlalchemy import Table

from shared.module import Module, ModuleError, Permission

PACKAGE = "modules"


@dataclass(frozen=True, slots=True)
class DiscoveredModule:
    """A module's declaration together with the folder it was found in."""

    name: str
    path: Path
    package: str
    declaration: Module

    @property
    def requires(self) -> tuple[str, ...]:
        return self.declaration.requires

    @property
    def prefix(self) -> str:
        return f"/{self.name}" if self.declaration.prefix is None else self.declaration.prefix

    @property
    def migrations(self) -> Path:
        """The folder of this module's Alembic branch; it may not exist yet."""
        return self.path / "migrations"

    def part(self, file: str) -> ModuleType | None:
        """Import a part of the module, `"router"` for `router.py`; None if it has no such file.

        Raises:
            ModuleError: The file exists and cannot be imported. It is never swallowed.
        """
        written = (self.path / f"{file}.py", self.path / file / "__init__.py")
        found = next((one for one in written if one.exists()), None)
        return None if found is None else self._imported(f"{self.package}.{file}", found)

    def face(self) -> ModuleType:
        """The module's package, whose `__all__` lists what others may use; raises as `part` does."""
        return self._imported(self.package, self.path / "__init__.py")

    def _imported(self, name: str, file: Path) -> ModuleType:
        try:
            return importlib.import_module(name)
        except Exception as error:
            if isinstance(error, ImportError) and (missing := self._missing_packages()):
                raise ModuleError(missing) from error
            cause = f"{type(error).__name__}: {error}"
            origin = _origin_of(error, self.package) or file
            if origin == file:
                raise ModuleError(f"module {self.name!r}: {file} cannot be imported: {cause}") from error
            inside = origin.is_relative_to(self.path.parent)
            owner = f"module {origin.relative_to(self.path.parent).parts[0]!r}: " if inside else ""
            raise ModuleError(
                f"{owner}{origin} cannot be imported: {cause} (it was needed by {file} of module {self.name!r})"
            ) from error

    def _missing_packages(self) -> str:
        from shared.assembly.packages import report_of_missing  # noqa: PLC0415 - only for an import that failed

        return report_of_missing({self.name: self.path})

    def attribute(self, file: str, name: str) -> Any:
        """The object `name` that the part `file` must hold; None if the module has no such file."""
        part = self.part(file)
        if part is None:
            return None
        try:
            return getattr(part, name)
        except AttributeError:
            raise ModuleError(f"module {self.name!r}: {part.__file__} must define {name!r}") from None

    def tables(self) -> Iterator[Table]:
        """The tables whose models stand in this module's `models.py`."""
        models = self.part("models")
        if models is None:
            return
        from shared.database.models import Base  # noqa: PLC0415 - `alembic heads` discovers too, and needs no models

        for mapper in Base.registry.mappers:
            if mapper.class_.__module__.startswith(f"{self.package}.models") and isinstance(mapper.local_table, Table):
                yield mapper.local_table
        mapped = {mapper.local_table for mapper in Base.registry.mappers}
        for value in vars(models).values():
            if isinstance(value, Table) and value not in mapped:
                yield value


class Modules(Mapping[str, DiscoveredModule]):
    """All discovered modules by name, sorted: each after those it requires, ties by name."""

    def __init__(self, modules: Iterable[DiscoveredModule]) -> None:
        self._modules = _sorted(_unique(modules))
        _check_permissions(self._modules.values())

    def __getitem__(self, name: str) -> DiscoveredModule:
        return self._modules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    @property
    def folders(self) -> dict[str, Path]:
        return {name: module.path for name, module in self.items()}

    @property
    def permissions(self) -> tuple[Permission, ...]:
        return tuple(permission for module in self.values() for permission in module.declaration.permissions)

    @property
    def cors_headers(self) -> tuple[str, ...]:
        return tuple(name for module in self.values() for name in module.declaration.cors_headers)

    @property
    def cors_exposed(self) -> tuple[str, ...]:
        return tuple(name for module in self.values() for name in module.declaration.cors_exposed)

    def without(self, disabled: Iterable[str]) -> "Modules":
        """The modules that are switched on.

        Raises:
            ModuleError: A name is not a module, or a module that stays on requires one that is switched off.
        """
        disabled = set(disabled)
        if unknown := sorted(disabled - set(self)):
            raise ModuleError(f"DISABLED_MODULES names {_listed(unknown)}; the modules are {_listed(self)}")
        for module in self.values():
            if module.name not in disabled and (missing := sorted(disabled.intersection(module.requires))):
                raise ModuleError(
                    f"module {module.name!r} requires {_listed(missing)}, which DISABLED_MODULES switches off: "
                    f"switch {module.name!r} off too, or take {_listed(missing)} out of DISABLED_MODULES"
                )
        return Modules(module for module in self.values() if module.name not in disabled)

    def required_by(self, name: str) -> set[str]:
        """Everything that module `name` requires, directly or through others."""
        found: set[str] = set()
        open_names = list(self[name].requires)
        while open_names:
            required = open_names.pop()
            if required not in found:
                found.add(required)
                open_names.extend(self[required].requires)
        return found

    def dependants_of(self, name: str) -> list[str]:
        """The modules that require `name`, directly or through others."""
        return [other for other in self if name in self.required_by(other)]

    def import_models(self) -> dict[str, str]:
        """Import every module's models and tell which module owns which table: `{table: module}`.

        Raises:
            ModuleError: Two modules define the same table, or a models file cannot be imported.
        """
        owners: dict[str, str] = {}
        for module in self.values():
            try:
                module.part("models")
            except ModuleError as error:
                if taken := re.search(r"Table '(\w+)' is already defined", str(error)):
                    other = self[owners[taken[1]]].path / "models.py" if taken[1] in owners else "another module"
                    raise ModuleError(f"{error} The table {taken[1]!r} stands in {other}, too.") from error
                raise
            for table in module.tables():
                owners.setdefault(table.fullname, module.name)
        return owners


def _origin_of(error: Exception, package: str) -> Path | None:
    """The file of ours whose import failed: the innermost one in the traceback, libraries left out."""
    if isinstance(error, SyntaxError) and error.filename:
        return Path(error.filename)
    ours = {PACKAGE, "shared", package.partition(".")[0]}
    files = [
        frame.f_code.co_filename
        for frame, _ in walk_tb(error.__traceback__)
        if frame.f_code.co_name == "<module>" and frame.f_globals["__name__"].partition(".")[0] in ours
    ]
    return Path(files[-1]) if files else None


def discover(*packages: str) -> Modules:
    """Read every `<package>/*/module.py`; without arguments, those of `modules/`.

    A declaration is read without importing the module's package, so that `alembic heads` does not load a web
    framework and models to learn in which order the branches come.

    Raises:
        ModuleError: A folder without `module.py`, a faulty declaration, an unknown requirement, a cycle, a permission
            declared twice.
    """
    return Modules(module for package in packages or (PACKAGE,) for module in _found_in(package))


def _found_in(package: str) -> Iterator[DiscoveredModule]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleError(f"there is no package {package!r}")
    for root in spec.submodule_search_locations:
        for folder in sorted(Path(root).iterdir()):
            if folder.is_dir() and not folder.name.startswith((".", "_")) and any(folder.rglob("*.py")):
                yield _read(folder, f"{package}.{folder.name}")


def _read(folder: Path, package: str) -> DiscoveredModule:
    name, file = folder.name, folder / "module.py"
    if not name.isidentifier() or not name.islower():
        raise ModuleError(f"module {name!r}: the folder {folder} must be a lower-case Python name")
    if not file.exists():
        raise ModuleError(f"module {name!r}: {file} is missing; every folder in {folder.parent} is a module")
    spec = importlib.util.spec_from_file_location(f"{package}.module", file)
    if spec is None or spec.loader is None:
        raise ModuleError(f"module {name!r}: {file} cannot be read")
    content = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(content)
    except Exception as error:
        raise ModuleError(f"module {name!r}: {file}: {type(error).__name__}: {error}") from error
    declaration = getattr(content, "module", None)
    if not isinstance(declaration, Module):
        raise ModuleError(f"module {name!r}: {file} must define `module = Module(...)`")
    return DiscoveredModule(name, folder, package, declaration)


def _unique(modules: Iterable[DiscoveredModule]) -> dict[str, DiscoveredModule]:
    found: dict[str, DiscoveredModule] = {}
    for module in modules:
        if other := found.get(module.name):
            raise ModuleError(f"module {module.name!r} stands in two places: {other.path} and {module.path}")
        found[module.name] = module
    return found


def _sorted(modules: dict[str, DiscoveredModule]) -> dict[str, DiscoveredModule]:
    for module in modules.values():
        # TopologicalSorter would accept an unknown name silently.
        if unknown := sorted(set(module.requires) - set(modules)):
            raise ModuleError(
                f"module {module.name!r}: {module.path / 'module.py'} requires {_listed(unknown)}, "
                f"and there is no such module; the modules are {_listed(sorted(modules))}"
            )
    sorter = TopologicalSorter({module.name: module.requires for module in modules.values()})
    try:
        sorter.prepare()
    except CycleError as error:
        path = " -> ".join(reversed(error.args[1]))
        files = ", ".join(str(modules[name].path / "module.py") for name in sorted(set(error.args[1])))
        raise ModuleError(f"modules require each other in a circle: {path} (see {files})") from None
    ordered: dict[str, DiscoveredModule] = {}
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered |= {name: modules[name] for name in ready}
        sorter.done(*ready)
    return ordered


def _check_permissions(modules: Iterable[DiscoveredModule]) -> None:
    owners: dict[str, str] = {}
    for module in modules:
        for permission in module.declaration.permissions:
            where = f"module {module.name!r}: {module.path / 'module.py'}"
            if not permission.name.startswith(f"{module.name}:"):
                raise ModuleError(f"{where}: permission {permission.name!r} must begin with '{module.name}:'")
            if permission.name in owners:
                raise ModuleError(f"{where}: permission {permission.name!r} is declared twice")
            owners[permission.name] = module.name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
