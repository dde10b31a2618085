"""A copy of the project with a team's module in it: the notes of the README, pasted from there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.generated import project
from benchmarks.servers import ROOT, bare_environment

FILES = ("module.py", "models.py", "router.py")

# Routes that only the guide has: a list without pages, and a change.
MORE_ROUTES = """

@router.get("/latest")
async def list_latest_notes(caller: Caller, session: Session) -> ApiResponse[list[NoteRead]]:
    notes = await session.scalars(select(Note).where(Note.user_id == caller.user_id).order_by(Note.id).limit(20))
    return success([NoteRead.model_validate(note) for note in notes])


@router.put("/{note_id}", responses=failures(NotFound))
async def replace_note(note_id: UUID, data: NoteCreate, caller: Caller, session: Session) -> ApiResponse[NoteRead]:
    note = await session.scalar(select(Note).where(Note.id == note_id, Note.user_id == caller.user_id))
    if note is None:
        raise NotFound
    note.text = data.text
    await session.flush()
    return success(NoteRead.model_validate(note))
"""
IMPORTS = "from shared.errors import NotFound\nfrom shared.http import failures\n"


@contextmanager
def project_with_notes(address: str) -> Iterator[Path]:
    """The project with the README's module, whose table is in this database."""
    with project(0) as root:
        folder = root / "modules" / "notes"
        folder.mkdir()
        for name, text in zip(FILES, _pasted(), strict=True):
            (folder / name).write_text(text, encoding="utf-8")
        router = folder / "router.py"
        router.write_text(IMPORTS + router.read_text(encoding="utf-8") + MORE_ROUTES, encoding="utf-8")
        _alembic(root, address, "revision", "--autogenerate", "-m", "create notes table")
        _alembic(root, address, "upgrade", "heads")
        yield root


def _pasted() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)


def _alembic(root: Path, address: str, *arguments: str) -> None:
    environment = bare_environment() | {"DATABASE_URL": address}
    command = [sys.executable, "-m", "alembic", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"alembic {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
