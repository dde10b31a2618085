"""The fixtures for tests of modules; those for accounts come from the module that logs people in."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from migrations.commands import upgrade
from shared.assembly.discovery import discover
from shared.container import Runtime
from shared.database.addresses import database_url
from shared.database.models import Base
from shared.testing import databases
from shared.testing.applications import MakeApp, build_app, client_of
from shared.testing.clock import MovableClock
from shared.testing.mailbox import Mailbox, open_mailbox
from shared.testing.serving import serving

Override = Callable[[providers.Provider[Any], Any], None]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=databases.available(), scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """Each database in turn: a test that uses it runs on SQLite, PostgreSQL and MariaDB."""
    if request.param not in databases.available():
        pytest.skip("a test of one server, whose address is not in the environment")
    return str(request.param)


@pytest.fixture
def empty_database(backend: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database of the test's own, without tables."""
    with databases.empty_database(backend, tmp_path) as address:
        yield address


@pytest.fixture(scope="session")
def _migrated(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with databases.empty_database(backend, tmp_path_factory.mktemp("databases")) as address:
        upgrade(database_url(address))
        yield address


@pytest.fixture
def database(_migrated: str, backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database with every table, and only the rows that migrations insert."""
    if backend != "mysql":
        with databases.copied_database(backend, _migrated, tmp_path) as address:
            yield address
        return
    restoring = request.getfixturevalue("_restoring")
    yield _migrated
    databases.execute(_migrated, *restoring)


@pytest.fixture(scope="session")
def _restoring(_migrated: str) -> Iterator[list[str]]:
    """Statements that restore the rows that migrations insert; for MariaDB, which cannot copy a database."""
    discover().import_models()
    with databases.kept_rows(_migrated, Base.metadata.sorted_tables) as statements:
        yield statements


@pytest.fixture
async def session(database: str) -> AsyncIterator[AsyncSession]:
    """A session on the test's database, for tests of services: it sees what it has written.

    The application sees that after `await session.commit()`. Commit before the next request: SQLite has one writer at a
    time. Uncommitted changes are rolled back when the test ends.
    """
    async with databases.open_session(database) as session:
        yield session


@pytest.fixture
def clock() -> MovableClock:
    """The clock of every application that the test makes: `clock.advance(days=7)`."""
    return MovableClock()


@pytest.fixture
async def make_app(database: str, clock: MovableClock) -> AsyncIterator[MakeApp]:
    """Build applications on the test's database: `make_app(debug=True, billing={"currency": "EUR"})`."""
    made: list[FastAPI] = []

    def make(**given: Any) -> FastAPI:
        made.append(build_app(database, clock, **given))
        return made[-1]

    yield make
    for app in made:
        runtime: Runtime = app.state.runtime
        await runtime.close()


@pytest.fixture
async def app(make_app: MakeApp) -> FastAPI:
    """The application, with all modules; define a fixture of this name to test with another one."""
    return make_app()


@pytest.fixture
def runtime(app: FastAPI) -> Runtime:
    """The containers of `app`: `runtime.of(Container)` is that of a module, `runtime.shared` the project's."""
    found: Runtime = app.state.runtime
    return found


@pytest.fixture
def override() -> Iterator[Override]:
    """Replace the object of a provider: `override(runtime.shared.mail_sender, sender)`.

    Call it before the part is first used: an existing service keeps its objects. It ends with the test.
    """
    overridden: list[providers.Provider[Any]] = []

    def put(provider: providers.Provider[Any], replacement: object) -> None:
        provider.override(providers.Object(replacement))
        overridden.append(provider)

    yield put
    for provider in reversed(overridden):
        provider.reset_last_overriding()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`; `headers=user.headers` logs it in."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def served_at(app: FastAPI) -> AsyncIterator[str]:
    """Host and port of a server that serves `app`, for websockets and streams: `f"ws://{served_at}/api/chat"`."""
    async with serving(app) as address:
        yield address


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server; `make_app(smtp_url=mailbox.url)` sends to it."""
    async with open_mailbox() as mailbox:
        yield mailbox
