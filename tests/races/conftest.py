from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from secrets import token_urlsafe
from uuid import UUID

import pytest
from sqlalchemy import delete

from migrations.commands import upgrade
from modules.auth.models import ADMIN, UserRole
from shared.database.addresses import database_url
from shared.testing.databases import empty_database
from tests.conftest import UNLIMITED, Account, sign_up
from tests.factories import RegisterRequestFactory
from tests.project import Project, copy_project
from tests.races.service import SESSION_CAP, Process, Race, processes_on, race_on, serve
from tests.shared.tries import REDIS_URL, patient

# What the strict service counts; its entries in Redis are gone after five minutes.
LOGIN_TRIES = "5/5 minutes"

FIRST_ADMINISTRATOR = RegisterRequestFactory.build()


@pytest.fixture(params=[2, pytest.param(100, marks=pytest.mark.slow)])
def rounds(request: pytest.FixtureRequest) -> range:
    """A few by default; 100 with `pytest -m slow tests/races`."""
    return range(request.param)


@pytest.fixture(scope="session")
def races_project(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A checkout with a database that many races share: processes take long to start."""
    folder = tmp_path_factory.mktemp("races")
    variables = dict.fromkeys((f"AUTH_{name}".upper() for name in UNLIMITED), "none")
    variables["PUBLIC_LIMIT_PER_ADDRESS"] = "none"
    variables["AUTH_SESSIONS_PER_USER"] = str(SESSION_CAP)
    # A key of their own, so that nobody else counts under the same names in Redis.
    variables["JWT_SECRET_KEY"] = token_urlsafe(48)
    with empty_database(backend, folder) as address:
        upgrade(database_url(address))
        yield Project(copy_project(folder / "project"), address, variables=variables)


@pytest.fixture(scope="session")
def strict_project(backend: str, races_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The same checkout with another database, and settings that make the first administrator."""
    folder = tmp_path_factory.mktemp("strict")
    password_file = folder / "password"
    password_file.write_text(FIRST_ADMINISTRATOR.password, encoding="utf-8")
    variables = {
        "AUTH_REFRESH_GRACE": "0",
        "AUTH_LOGIN_FAILURE_LIMIT_PER_ACCOUNT": LOGIN_TRIES,
        "AUTH_BOOTSTRAP_ADMIN_EMAIL": FIRST_ADMINISTRATOR.email,
        "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE": str(password_file),
    }
    if processes_on(backend) > 1 and REDIS_URL:
        variables["THROTTLE_STORAGE"] = patient(REDIS_URL)
    with empty_database(backend, folder) as address:
        upgrade(database_url(address))
        yield replace(races_project, database=address, variables={**races_project.variables, **variables})


@pytest.fixture(scope="session")
def _processes(backend: str, races_project: Project) -> Iterator[Sequence[Process]]:
    with serve(races_project, processes_on(backend)) as processes:
        yield processes


@pytest.fixture(scope="session")
def _strict_processes(backend: str, strict_project: Project) -> Iterator[Sequence[Process]]:
    with serve(strict_project, processes_on(backend)) as processes:
        yield processes


@pytest.fixture
async def race(_processes: Sequence[Process], races_project: Project) -> AsyncIterator[Race]:
    """A service without limits."""
    async with race_on(_processes, races_project.database) as race:
        yield race


@pytest.fixture
async def strict_race(_strict_processes: Sequence[Process], strict_project: Project) -> AsyncIterator[Race]:
    """A service without a grace for refresh tokens, and with five tries to log in."""
    async with race_on(_strict_processes, strict_project.database) as race:
        yield race


@pytest.fixture
async def administrator(race: Race) -> Account:
    """The only one there is."""
    account = await sign_up(race.client)
    async with race.database.transaction() as session:
        await session.execute(delete(UserRole).where(UserRole.role_name == ADMIN))
        session.add(UserRole(user_id=UUID(account.id), role_name=ADMIN))
    return account
