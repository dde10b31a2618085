"""What `shared.testing` promises to tests of modules."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2 as httpx
import pytest
from dependency_injector import providers
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from websockets import ConnectionClosedOK, connect

from modules.auth.container import Container as AuthContainer
from modules.auth.settings import Settings as AuthSettings
from modules.users import User
from shared.assembly.discovery import discover
from shared.container import Runtime
from shared.testing import Account, CallerWith, MakeApp, MovableClock, Override, assert_failure, client_of, data_of
from shared.testing.serving import serving
from tests.auth.roles import by_default
from tests.factories import UserCreateFactory

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


async def test_what_a_session_has_written_is_seen_by_itself_and_committed_by_the_application(
    runtime: Runtime, session: AsyncSession, client: httpx.AsyncClient, admin: Account
) -> None:
    users = runtime.of(AuthContainer).users.user_service(session)
    created = await users.create(UserCreateFactory.build())
    path = f"/api/users/{created.id}"

    assert await session.scalar(select(User.email).where(User.id == created.id)) == created.email
    assert_failure(await client.get(path, headers=admin.headers), 404, "user_not_found")
    await session.commit()
    assert data_of(await client.get(path, headers=admin.headers))["email"] == created.email


async def test_a_session_sees_what_the_application_has_written(session: AsyncSession, user: Account) -> None:
    assert await session.scalar(select(User.email)) == user.email


@pytest.mark.parametrize("written", ["once", "again"])
async def test_a_session_that_is_left_open_leaves_nothing_behind(
    runtime: Runtime, session: AsyncSession, written: str
) -> None:
    users = runtime.of(AuthContainer).users.user_service(session)

    await users.create(UserCreateFactory.build(email="ada@example.com"))

    assert len((await session.scalars(select(User))).all()) == 1


@ON_SQLITE
async def test_a_caller_has_the_permissions_that_the_test_names(
    client: httpx.AsyncClient, caller_with: CallerWith
) -> None:
    reader, nobody = await caller_with("users:user.read"), await caller_with()

    async def permissions(account: Account) -> set[str]:
        return set(data_of(await client.get("/api/auth/me", headers=account.headers))["permissions"])

    assert await permissions(reader) == by_default() | {"users:user.read"}
    assert await permissions(nobody) == by_default()


@ON_SQLITE
async def test_an_application_can_have_some_modules_only(make_app: MakeApp) -> None:
    async with client_of(make_app(only="users")) as client:
        document = (await client.get("/openapi.json")).json()

    assert {path.split("/")[2] for path in document["paths"]} == {"auth", "users"}


@ON_SQLITE
@pytest.mark.parametrize("given", [{"sessions_per_user": 3}, AuthSettings.as_delivered(sessions_per_user=3)])
async def test_settings_of_modules_are_passed_by_the_modules_name(make_app: MakeApp, given: object) -> None:
    runtime: Runtime = make_app(auth=given).state.runtime

    assert runtime.of(AuthContainer).settings().sessions_per_user == 3


@ON_SQLITE
@pytest.mark.parametrize("given", [{"app_nmae": "x"}, {"auth": {"registratoin": "closed"}}, {"system": {"x": 1}}])
async def test_a_misspelt_setting_is_refused(make_app: MakeApp, given: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="has no setting"):
        make_app(**given)


@ON_SQLITE
async def test_the_environment_reaches_no_application_of_a_test(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_NAME", "somebody's own")
    monkeypatch.setenv("AUTH_SESSIONS_PER_USER", "1")

    app = make_app()

    assert app.title == "Modular Monolith"
    assert app.state.runtime.of(AuthContainer).settings().sessions_per_user == 20


@pytest.fixture
def part() -> Iterator[providers.Object[str]]:
    part = providers.Object("its own")
    yield part
    assert part() == "its own"


def test_an_overridden_part_comes_back_when_the_test_ends(part: providers.Object[str], override: Override) -> None:
    override(part, "another")
    override(part, "a third")

    assert part() == "a third"


@ON_SQLITE
async def test_the_clock_is_that_of_every_application(make_app: MakeApp, clock: MovableClock) -> None:
    one, other = make_app(), make_app()
    clock.advance(days=365)

    assert one.state.runtime.shared.clock()() < other.state.runtime.shared.clock()() < clock()
    assert clock() > datetime.now(UTC) + timedelta(days=364)


@ON_SQLITE
async def test_a_server_in_the_test_has_the_accounts_of_the_test(
    served_at: str, client: httpx.AsyncClient, user: Account
) -> None:
    async with httpx.AsyncClient(base_url=f"http://{served_at}") as remote:
        me = data_of(await remote.get("/api/users/me", headers=user.headers))

    assert me == data_of(await client.get("/api/users/me", headers=user.headers))


@ON_SQLITE
async def test_a_server_in_the_test_opens_websockets_until_it_ends(make_app: MakeApp) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.doors"))

    async with serving(app) as address:
        url = f"ws://{address}/api/doors/open-socket"
        async with connect(url) as closed_by_the_application:
            with pytest.raises(ConnectionClosedOK):
                await closed_by_the_application.recv()

    with pytest.raises(ConnectionRefusedError):
        await connect(url)
