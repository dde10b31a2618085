import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI

from bootstrap import create_app
from migrations.commands import upgrade
from modules.auth.container import Container as AuthContainer
from modules.auth.schemas import RegisterRequest
from modules.auth.settings import Settings as AuthSettings
from shared.assembly.discovery import discover
from shared.container import Runtime
from shared.database import Base
from shared.database.addresses import database_url
from shared.settings import Settings
from shared.settings.secret_files import file_names
from tests import databases
from tests.factories import RegisterRequestFactory
from tests.mailbox import mailbox  # noqa: F401 - a fixture
from tests.project import SECRET, Project, copy_project
from tests.streams import leaving_streams


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=databases.available(), scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """Each database in turn: whatever uses it runs on SQLite, PostgreSQL and MariaDB."""
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
    """The address of a database with every table, and nothing in them but what the migrations put there."""
    if backend != "mysql":
        with databases.copied_database(backend, _migrated, tmp_path) as address:
            yield address
        return
    restoring = request.getfixturevalue("_restoring")
    yield _migrated
    databases.execute(_migrated, *restoring)


@pytest.fixture(scope="session")
def _restoring(_migrated: str) -> Iterator[list[str]]:
    """Statements that put back what the migrations filled in; for MariaDB, which copies no database."""
    with databases.kept_rows(_migrated, Base.metadata.sorted_tables) as statements:
        yield statements


@dataclass
class Account:
    """Somebody who is logged in."""

    id: str
    email: str
    password: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


@pytest.fixture(autouse=True, scope="session")
def _without_the_developers_settings() -> None:
    """Nothing of the environment or of `.env` reaches a test: no mail server, no Redis, no limit of somebody's own."""
    of_modules = [cls for module in discover().values() if (cls := module.attribute("settings", "Settings"))]
    for settings in (Settings, *of_modules):
        settings.model_config["env_file"] = None
        names = [f"{settings.model_config.get('env_prefix') or ''}{name}".upper() for name in settings.model_fields]
        for name in (*names, *file_names(settings)):
            os.environ.pop(name, None)


def settings_for(database: str, **values: Any) -> Settings:
    """Settings as they are by default, whatever stands in `.env`."""
    given = {"app_env": "test", "database_url": database, "jwt_secret_key": SECRET} | values
    return Settings(_env_file=None, **given)


def auth_settings(**values: Any) -> AuthSettings:
    """As delivered, but with hashes that cost next to nothing."""
    return AuthSettings(_env_file=None, **({"bcrypt_cost": 4} | values))


UNLIMITED = {name: "none" for name in AuthSettings.model_fields if "_limit_per_" in name}
"""Settings of auth for tests that try more often than a person would: `make_app(auth=UNLIMITED)`."""

MakeApp = Callable[..., FastAPI]


@pytest.fixture
async def make_app(database: str) -> AsyncIterator[MakeApp]:
    """Build applications on the test's database: `make_app(debug=True, auth={"refresh_grace": 0})`."""
    made: list[FastAPI] = []

    def make(*, auth: dict[str, Any] | None = None, modules: Any = None, **values: Any) -> FastAPI:
        settings = settings_for(database, **values)
        made.append(create_app(settings, module_settings=[auth_settings(**(auth or {}))], modules=modules))
        return made[-1]

    yield make
    for app in made:
        runtime: Runtime = app.state.runtime
        await runtime.close()


@pytest.fixture
async def app(make_app: MakeApp) -> FastAPI:
    return make_app()


def client_of(app: FastAPI, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """A client that speaks to the application in this process."""
    transport = httpx.ASGITransport(app=leaving_streams(app), client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


class MovableClock:
    """The present, until it is moved."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, **by: float) -> None:
        """`clock.advance(days=7)`."""
        self._ahead += timedelta(**by)


@pytest.fixture
def clock(app: FastAPI) -> MovableClock:
    """The application's clock; to be asked for before anybody logs in, which is when the services take it."""
    return override_clock(app)


def override_clock(app: FastAPI) -> MovableClock:
    clock = MovableClock()
    app.state.runtime.shared.clock.override(providers.Object(clock))
    return clock


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def sign_up(client: httpx.AsyncClient, request: RegisterRequest | None = None) -> Account:
    """Register and log in."""
    request = request or RegisterRequestFactory.build()
    registered = await client.post("/api/auth/register", json=request.model_dump(mode="json"))
    assert registered.status_code == 201, registered.text
    tokens = await log_in(client, request.email, request.password)
    return Account(registered.json()["data"]["id"], request.email, request.password, tokens)


async def log_in(client: httpx.AsyncClient, email: str, password: str) -> dict[str, Any]:
    """Gives the tokens."""
    answer = await client.post("/api/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()["data"]
    return tokens


@pytest.fixture
async def user(client: httpx.AsyncClient) -> Account:
    """A plain user, logged in."""
    return await sign_up(client)


@pytest.fixture
async def admin(app: FastAPI, client: httpx.AsyncClient) -> Account:
    """An administrator, logged in."""
    return await make_admin(app, client)


async def make_admin(app: FastAPI, client: httpx.AsyncClient) -> Account:
    runtime: Runtime = app.state.runtime
    request = RegisterRequestFactory.build()
    created = await runtime.of(AuthContainer).registration_service().create_admin(request)
    return Account(
        str(created.id), request.email, request.password, await log_in(client, request.email, request.password)
    )


@pytest.fixture
def project(tmp_path: Path, empty_database: str) -> Project:
    """A copy of the project that the test may change, with an empty database, on each server in turn."""
    return Project(copy_project(tmp_path / "project"), empty_database)


@pytest.fixture
def sqlite_project(tmp_path: Path) -> Project:
    """A copy of the project on SQLite, for what has nothing to do with the database server."""
    return Project(copy_project(tmp_path / "project"), f"sqlite:///{tmp_path / 'test.db'}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give what is left out by default more time: most of it goes through many rounds."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ("browser", "servers", "slow")):
            item.add_marker(pytest.mark.timeout(1800))
