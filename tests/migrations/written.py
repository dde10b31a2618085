"""Small modules and revision files, written by a test."""

from collections.abc import Iterable
from pathlib import Path

from shared.assembly.branches import read_branches
from shared.assembly.discovery import DiscoveredModule, Modules, discover
from shared.module import Module
from tests.project import Project

(USERS,), (AUTH,) = ([head.id for head in read_branches(discover()).heads(name)] for name in ("users", "auth"))

USER = 'user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))'
TEXT = "text: Mapped[str] = mapped_column(String(50))"
MOTTO = "motto: Mapped[str | None] = mapped_column(String(50))"

_IMPORTS = """\
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, Id
"""


def declaration(*requires: str) -> str:
    """The text of a `module.py`."""
    return f'from shared.module import Module\n\nmodule = Module(description="Written.", requires={requires!r})\n'


def model(table: str, *columns: str) -> str:
    """The text of a model's class."""
    return "\n    ".join(
        [f"\n\nclass {table.title()}(Base):", f'__tablename__ = "{table}"', "id: Mapped[Id]", *columns]
    )


def write_module(project: Project, name: str, *models: str, requires: tuple[str, ...] = ()) -> Path:
    """Drop a module into the project, without a revision."""
    folder = project.path / "modules" / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "module.py").write_text(declaration(*requires), encoding="utf-8")
    (folder / "models.py").write_text("".join([_IMPORTS, *models, "\n"]), encoding="utf-8")
    return folder


def revision(  # noqa: PLR0913 - the parts of a revision file
    id_: str,
    down: str | tuple[str, ...] | None = None,
    *,
    label: str | None = None,
    depends_on: str | None = None,
    do: str = "pass",
    undo: str = "pass",
) -> str:
    """The text of a revision file."""
    return (
        f"import sqlalchemy as sa\nfrom alembic import op\n\n"
        f"revision = {id_!r}\ndown_revision = {down!r}\nbranch_labels = {label!r}\ndepends_on = {depends_on!r}\n\n"
        f"def upgrade():\n    {do}\n\ndef downgrade():\n    {undo}\n"
    )


def write_revision(folder: Path, name: str, text: str) -> Path:
    """Write a revision file into a module's folder."""
    (folder / "migrations").mkdir(parents=True, exist_ok=True)
    file = folder / "migrations" / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    return file


def modules_in(project: Project) -> Modules:
    """The modules of a copy; `discover()` finds those of the checkout that runs the tests."""
    found = []
    for file in (project.path / "modules").glob("*/module.py"):
        content: dict[str, Module] = {}
        exec(file.read_text(encoding="utf-8"), content)  # noqa: S102 - written here or delivered with the project
        found.append(DiscoveredModule(file.parent.name, file.parent, f"modules.{file.parent.name}", content["module"]))
    return Modules(found)


def add_column(project: Project, module: str, after: str, column: str) -> None:
    """Add a line to a model, after the line that is `after`."""
    edit(project.path / "modules" / module / "models.py", after, f"{after}\n    {column}")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def cut_class(file: Path, name: str) -> str:
    """Take a class out of a file of models; gives what was taken out, below the file's own imports."""
    text = file.read_text(encoding="utf-8")
    imports, _, _ = text.partition("\n\n\nclass ")
    before, start, rest = text.partition(f"class {name}(Base):")
    assert start, f"{file} has no class {name}"
    body, _, after = rest.partition("\n\n\n")
    file.write_text(before + after, encoding="utf-8")
    return f"{imports}\n\n\n{start}{body.rstrip()}\n"


def migrations(paths: Iterable[str]) -> list[str]:
    """The modules of those paths that are revision files, one for each."""
    return sorted(path.split("/")[1] for path in paths if path.startswith("modules/") and "/migrations/" in path)
