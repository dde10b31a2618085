"""The modules' branches, read from their files without importing a migration."""

import ast
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.assembly.discovery import DiscoveredModule, Modules
from shared.module import ModuleError

MAXIMUM_ID_LENGTH = 32  # alembic_version.version_num; SQLite would take a longer one, PostgreSQL would not
ID_BYTES = 4
MAXIMUM_NAME_LENGTH = MAXIMUM_ID_LENGTH - 2 * ID_BYTES - len("_")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision file."""

    id: str
    module: str
    file: Path
    down: tuple[str, ...]
    labels: tuple[str, ...]
    depends_on: tuple[str, ...]
    breaks_older_code: bool = False

    @property
    def tables(self) -> frozenset[str]:
        """The tables that it creates. Reads the file again, since only autogenerate needs them."""
        return frozenset(_created_tables(_parse(self.module, self.file)))

    @property
    def parents(self) -> tuple[str, ...]:
        """The revisions that must be applied before."""
        return self.down + self.depends_on


class Branches(Mapping[str, Revision]):
    """Every revision of every module by its id."""

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self._revisions = {revision.id: revision for revision in revisions}
        self._by_module: dict[str, list[Revision]] = {}
        for revision in self._revisions.values():
            self._by_module.setdefault(revision.module, []).append(revision)

    def __getitem__(self, revision_id: str) -> Revision:
        return self._revisions[revision_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._revisions)

    def __len__(self) -> int:
        return len(self._revisions)

    @property
    def modules(self) -> Iterable[str]:
        """The modules that have revisions."""
        return self._by_module.keys()

    def of(self, module: str) -> list[Revision]:
        return self._by_module.get(module, [])

    def heads(self, module: str) -> list[Revision]:
        """The module's latest revision; more than one if two developers each added one."""
        own = self.of(module)
        followed = {down for revision in own for down in revision.down}
        return [revision for revision in own if revision.id not in followed]

    def applied(self, rows: Iterable[str]) -> set[str]:
        """All revisions that these rows of alembic_version imply: a row stands for everything it builds on."""
        found: set[str] = set()
        open_ids = [row for row in rows if row in self]
        while open_ids:
            revision_id = open_ids.pop()
            if revision_id not in found:
                found.add(revision_id)
                open_ids.extend(self[revision_id].parents)
        return found

    def created_tables(self) -> dict[str, str]:
        """The module whose revisions created each table: `{table: module}`."""
        return {table: revision.module for revision in self.values() for table in revision.tables}


def new_revision_id(module: str) -> str:
    return f"{module}_{secrets.token_hex(ID_BYTES)}"


def module_of(revision_id: str) -> str:
    """The module that a revision id names, even when its file is gone."""
    return revision_id.rpartition("_")[0]


def read_branches(modules: Modules) -> Branches:
    return Branches(revision for module in modules.values() for revision in revisions_of(module))


def revisions_of(module: DiscoveredModule) -> Iterator[Revision]:
    """Read the module's revision files."""
    if module.migrations.is_dir():
        for file in sorted(module.migrations.glob("*.py")):
            if not file.name.startswith("_"):
                yield _read(module.name, file)


def _read(module: str, file: Path) -> Revision:
    values = dict(_assignments(_parse(module, file)))
    if not isinstance(values.get("revision"), str):
        raise ModuleError(
            f"module {module!r}: {file} has no `revision`; only revision files belong into migrations/: move it "
            "elsewhere, or let its name begin with an underscore"
        )
    return Revision(
        id=values["revision"],
        module=module,
        file=file,
        down=_as_tuple(values.get("down_revision")),
        labels=_as_tuple(values.get("branch_labels")),
        depends_on=_as_tuple(values.get("depends_on")),
        breaks_older_code=values.get("breaks_older_code") is True,
    )


def _parse(module: str, file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ModuleError(
            f"module {module!r}: {file} cannot be read: {error}. Mend it, or delete it if no database has it yet"
        ) from error


def _assignments(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.expr):
            try:
                yield target.id, ast.literal_eval(value)
            except ValueError:
                continue  # not a literal, so not needed here


def _created_tables(tree: ast.Module) -> Iterator[str]:
    """Names that `op.create_table` and `op.rename_table` introduce."""
    position = {"create_table": 0, "rename_table": 1}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in position:
            names = node.args[position[node.func.attr] :]
            if names and isinstance(names[0], ast.Constant) and isinstance(names[0].value, str):
                yield names[0].value


def _as_tuple(value: str | Iterable[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
