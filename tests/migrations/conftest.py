from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shared.testing import databases
from tests.migrations.commands import Checkout, ForkServer
from tests.project import ROOT, Project


@pytest.fixture(scope="session")
def server_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], ForkServer]]:
    servers: dict[Path, ForkServer] = {}

    def server_for(python: Path) -> ForkServer:
        if python not in servers:
            servers[python] = ForkServer(python, tmp_path_factory.mktemp("outputs"))
        return servers[python]

    yield server_for
    for server in servers.values():
        server.close()


@pytest.fixture
def project(project: Project, server_for: Callable[[Path], ForkServer]) -> Checkout:
    """A copy that the test may change, with an empty database, on each server in turn."""
    return Checkout(project.path, project.database, server_for=server_for)


@pytest.fixture
def sqlite_project(sqlite_project: Project, server_for: Callable[[Path], ForkServer]) -> Checkout:
    """A copy that the test may change, on SQLite."""
    return Checkout(sqlite_project.path, sqlite_project.database, server_for=server_for)


@pytest.fixture
def checkout(empty_database: str, server_for: Callable[[Path], ForkServer]) -> Checkout:
    """This very checkout, for tests that change no file, with an empty database, on each server in turn."""
    return Checkout(ROOT, empty_database, server_for=server_for)


@pytest.fixture
def everywhere(
    sqlite_project: Project, server_for: Callable[[Path], ForkServer], tmp_path: Path
) -> Iterator[dict[str, Checkout]]:
    """One copy, and an empty database of each kind."""
    with ExitStack() as stack:
        yield {
            name: Checkout(
                sqlite_project.path,
                stack.enter_context(databases.empty_database(name, tmp_path)),
                server_for=server_for,
            )
            for name in databases.available()
        }
