"""A copy of the project with many generated modules in it, as a team would have after some years."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import ROOT

COPIED = ("bootstrap.py", "alembic.ini", "modules", "shared", "migrations")
ROUTES = 10

MODULE = """\
from shared.module import Module

module = Module(description="Generated.")
"""

# Ten routes, of the kinds that every module has; one is public, so that a request needs no database.
ROUTER = """\
from uuid import UUID

from fastapi import APIRouter

from shared.access import Authenticated, Public
from shared.http import ApiResponse, RequestBody, ResponseData, SafeText, success

router = APIRouter(dependencies=[Authenticated()])


class ThingCreate_{name}(RequestBody):
    title: SafeText


class ThingRead_{name}(ResponseData):
    id: UUID
    title: str


@router.get("")
async def list_{name}() -> ApiResponse[list[ThingRead_{name}]]:
    return success([])


@router.post("", status_code=201)
async def create_{name}(data: ThingCreate_{name}) -> ApiResponse[ThingRead_{name}]:
    return success(ThingRead_{name}(id=UUID(int=0), title=data.title))


@router.get("/{{thing_id}}")
async def get_{name}(thing_id: UUID) -> ApiResponse[ThingRead_{name}]:
    return success(ThingRead_{name}(id=thing_id, title=""))


@router.patch("/{{thing_id}}")
async def update_{name}(thing_id: UUID, data: ThingCreate_{name}) -> ApiResponse[ThingRead_{name}]:
    return success(ThingRead_{name}(id=thing_id, title=data.title))


@router.delete("/{{thing_id}}")
async def delete_{name}(thing_id: UUID) -> ApiResponse[None]:
    return success(None)


@router.post("/{{thing_id}}/open")
async def open_{name}(thing_id: UUID) -> ApiResponse[None]:
    return success(None)


@router.post("/{{thing_id}}/close")
async def close_{name}(thing_id: UUID) -> ApiResponse[None]:
    return success(None)


@router.get("/{{thing_id}}/parts")
async def list_parts_of_{name}(thing_id: UUID) -> ApiResponse[list[ThingRead_{name}]]:
    return success([])


@router.put("/{{thing_id}}/parts/{{part_id}}")
async def replace_part_of_{name}(thing_id: UUID, part_id: UUID, data: ThingCreate_{name}) -> ApiResponse[None]:
    return success(None)


@router.get("/{{thing_id}}/ping", dependencies=[Public("measured without a token")])
async def ping_{name}(thing_id: UUID) -> ApiResponse[ThingRead_{name}]:
    return success(ThingRead_{name}(id=thing_id, title="pong"))
"""

MODELS = """\
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, Id


class Thing(Base):
    __tablename__ = "{name}_things"

    id: Mapped[Id]
{columns}
"""

REVISION = """\
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
"""


def name_of(number: int) -> str:
    return f"m{number:03d}"


@contextmanager
def project(count: int, *, revisions: int = 0) -> Iterator[Path]:
    """The project with `count` more modules, of ten routes or of that many revisions each."""
    with tempfile.TemporaryDirectory(prefix="bench-project-") as folder:
        root = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, root / name)
        for number in range(count):
            _write(root / "modules" / name_of(number), revisions)
        yield root


def _write(folder: Path, revisions: int) -> None:
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "module.py").write_text(MODULE, encoding="utf-8")
    if not revisions:
        (folder / "router.py").write_text(ROUTER.format(name=folder.name), encoding="utf-8")
        return
    columns = "\n".join(
        f"    column{number}: Mapped[str | None] = mapped_column(String(50))" for number in range(1, revisions)
    )
    (folder / "models.py").write_text(MODELS.format(name=folder.name, columns=columns), encoding="utf-8")
    (folder / "migrations").mkdir()
    for number in range(revisions):
        text = _revision(folder.name, number)
        (folder / "migrations" / f"2026_01_{number + 1:02d}_generated.py").write_text(text, encoding="utf-8")


def _revision(name: str, number: int) -> str:
    table = f"{name}_things"
    if number == 0:
        upgrade = f'op.create_table({table!r}, sa.Column("id", sa.Uuid(), primary_key=True))'
        downgrade = f"op.drop_table({table!r})"
    else:
        upgrade = f'op.add_column({table!r}, sa.Column("column{number}", sa.String(50), nullable=True))'
        downgrade = f'op.drop_column({table!r}, "column{number}")'
    return REVISION.format(
        revision=f"{name}_{number:08x}",
        down=f"{name}_{number - 1:08x}" if number else None,
        labels=None if number else (name,),
        upgrade=upgrade,
        downgrade=downgrade,
    )
