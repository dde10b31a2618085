"""Alembic, run by the project itself: in development, in tests, for `manage check`; never by a production service."""

from collections.abc import Iterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL

from migrations.faults import two_heads
from migrations.moves import moved_tables
from migrations.replay import replay_faults
from shared.assembly.branches import read_branches
from shared.assembly.discovery import Modules
from shared.assembly.migration_state import StartupError

INI = Path(__file__).resolve().parent.parent / "alembic.ini"


def upgrade(url: URL, destination: str = "heads") -> None:
    """Run `alembic upgrade`; not to be called from a running event loop.

    Raises:
        StartupError: Alembic refuses; with its reason.
    """
    config = Config(INI)
    config.attributes["url"] = url
    try:
        command.upgrade(config, destination)
    except CommandError as error:
        raise StartupError(str(error)) from error


def branch_faults(modules: Modules) -> Iterator[str]:
    """Faults of the branches that would go unnoticed.

    Two heads, a module without revisions, revisions that Alembic or discovery does not find (this depends on the way
    Alembic starts, see migrations/__init__.py), and a history that a new database cannot run.
    """
    faults = list(_faults_of_branches(modules))
    yield from faults or replay_faults(Config(INI), read_branches(modules))


def _faults_of_branches(modules: Modules) -> Iterator[str]:
    branches = read_branches(modules)
    owners, makers = modules.import_models(), branches.created_tables()
    yield from moved_tables(owners, makers, modules)
    for name in modules:
        if fault := two_heads(branches, name):
            yield fault
        if not branches.of(name) and any(owners[one] == name for one in owners.keys() - makers.keys()):
            yield f"module {name!r} has tables and no revision: run `alembic revision --autogenerate -m '...'`"
    try:
        seen = {script.revision for script in ScriptDirectory.from_config(Config(INI)).walk_revisions()}
    except CommandError as error:
        yield str(error)
        return
    if seen != set(branches):
        yield f"Alembic and the modules' folders disagree about {', '.join(sorted(seen ^ set(branches)))}"
