"""Files that hold secrets are their owner's alone, whatever the umask."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.project import Project


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_database_file_made_by_alembic_is_private(sqlite_project: Project) -> None:
    sqlite_project.alembic("upgrade", "heads")

    (file,) = sqlite_project.path.parent.glob("test.db")
    assert mode_of(file) == 0o600


def test_a_database_made_by_the_service_is_private_with_its_other_files(sqlite_project: Project) -> None:
    look = (
        "import anyio, bootstrap, glob, os, stat\n"
        "async def start():\n"
        "    async with bootstrap.app.router.lifespan_context(bootstrap.app):\n"
        "        for file in sorted(glob.glob('app.db*')):\n"
        "            print(file, oct(stat.S_IMODE(os.stat(file).st_mode)))\n"
        "anyio.run(start)\n"
    )
    project = replace(sqlite_project, database="", variables={"APP_ENV": "development", "JWT_SECRET_KEY": ""})

    lines = project.run("python", "-c", look).stdout.splitlines()

    shown = dict(line.split() for line in lines if line.startswith("app.db"))
    assert shown == dict.fromkeys(("app.db", "app.db-shm", "app.db-wal"), "0o600")
    assert mode_of(project.path / ".env") == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o600])
def test_an_env_file_that_gets_the_secret_is_private_from_then_on(sqlite_project: Project, mode: int) -> None:
    env = sqlite_project.path / ".env"
    env.write_text((sqlite_project.path / ".env.example").read_text(encoding="utf-8"), encoding="utf-8")
    env.chmod(mode)
    project = replace(sqlite_project, variables={"APP_ENV": "development", "JWT_SECRET_KEY": ""})

    project.run("python", "-c", "import bootstrap; bootstrap.app")

    assert "JWT_SECRET_KEY=\n" not in env.read_text(encoding="utf-8")
    assert mode_of(env) == 0o600


def test_a_database_that_is_there_already_keeps_its_mode(sqlite_project: Project) -> None:
    sqlite_project.alembic("upgrade", "heads")
    (file,) = sqlite_project.path.parent.glob("test.db")
    file.chmod(0o640)
    sqlite_project.alembic("upgrade", "heads")

    assert mode_of(file) == 0o640
