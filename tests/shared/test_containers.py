"""Containers: applications that share nothing, parts that can be replaced, modules that can be switched off."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI

from bootstrap import create_app
from modules.auth.container import Container as AuthContainer
from modules.users.container import Container as UsersContainer
from shared.container import Runtime
from shared.database import Base
from shared.module import ModuleError
from shared.testing import databases
from tests.conftest import Account, MakeApp, client_of, module_settings, settings_for, sign_up
from tests.factories import RegisterRequestFactory
from tests.shared.packages import MakeModules, declaration

# Nothing here depends on the database.
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

# Nothing of the developer's own settings.
create = partial(create_app, module_settings=module_settings())


@ON_SQLITE
async def test_two_applications_in_one_process_share_nothing(make_app: MakeApp, database: str, tmp_path: Path) -> None:
    with databases.copied_database("sqlite", database, tmp_path) as another_database:
        one = make_app(app_name="One", auth={"access_token_ttl": 60})
        values = {"app_name": "Two", "jwt_secret_key": "k7Qz" * 8, "database_url": another_database}
        two = make_app(auth={"access_token_ttl": 120}, **values)
        async with client_of(one) as at_one, client_of(two) as at_two:
            request = RegisterRequestFactory.build()
            accounts = [await sign_up(client, request) for client in (at_one, at_two)]
            names = [(await client.get("/")).json()["data"]["name"] for client in (at_one, at_two)]
            statuses = [
                (await client.get("/api/users/me", headers=account.headers)).status_code
                for client in (at_one, at_two)
                for account in accounts
            ]

    assert names == ["One", "Two"]
    assert [account.tokens["expires_in"] for account in accounts] == [60, 120]
    assert statuses == [200, 401, 401, 200]


@ON_SQLITE
async def test_a_token_of_one_database_opens_nothing_on_another_with_the_same_key(
    make_app: MakeApp, database: str, tmp_path: Path
) -> None:
    with databases.copied_database("sqlite", database, tmp_path) as another_database:
        one, two = make_app(), make_app(database_url=another_database)
        async with client_of(one) as at_one, client_of(two) as at_two:
            account = await sign_up(at_one)
            assert (await at_one.get("/api/users/me", headers=account.headers)).status_code == 200
            assert (await at_two.get("/api/users/me", headers=account.headers)).status_code == 401


def test_a_part_replaced_in_one_application_stays_in_the_other() -> None:
    one, two = (create(settings_for("sqlite://")).state.runtime for _ in range(2))

    one.shared.clock.override(providers.Object(lambda: datetime(2001, 1, 1, tzinfo=UTC)))

    assert one.shared.clock()().year == 2001
    assert two.shared.clock()().year > 2001
    assert one.shared.database() is not two.shared.database()
    assert one.shared.events() is not two.shared.events()
    assert one.of(AuthContainer).access_tokens() is not two.of(AuthContainer).access_tokens()


@ON_SQLITE
async def test_a_replaced_clock_reaches_every_module(app: FastAPI) -> None:
    moment = datetime(2035, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)
    runtime: Runtime = app.state.runtime
    runtime.shared.clock.override(providers.Object(lambda: moment))

    async with client_of(app) as client:
        registered = await client.post(
            "/api/auth/register", json=RegisterRequestFactory.build().model_dump(mode="json")
        )

    created_at = datetime.fromisoformat(registered.json()["data"]["created_at"])
    assert created_at == moment


@ON_SQLITE
async def test_a_replaced_service_serves_the_routes_of_other_modules(app: FastAPI, client: httpx.AsyncClient) -> None:
    user = await sign_up(client)
    runtime: Runtime = app.state.runtime

    class Impostor:
        async def update(self, user_id: object, _data: object) -> dict[str, object]:
            moment = datetime(2001, 1, 1, tzinfo=UTC)
            return {"id": user_id, "email": "impostor@example.com", "nickname": None, "is_active": True} | {
                "email_verified": False,
                "created_at": moment,
                "updated_at": moment,
            }

    with runtime.of(UsersContainer).user_service.override(providers.Factory(lambda **_: Impostor())):
        replaced = await client.patch("/api/users/me", json={}, headers=user.headers)
    restored = await client.patch("/api/users/me", json={}, headers=user.headers)

    assert replaced.json()["data"]["email"] == "impostor@example.com"
    assert restored.json()["data"]["email"] == user.email


@ON_SQLITE
async def test_without_auth_nothing_but_public_routes_opens(make_app: MakeApp, user: Account) -> None:
    app = make_app(disabled_modules=("auth",))
    async with client_of(app) as client:
        answers = {
            path: [(await client.get(path, headers=headers)).status_code for headers in ({}, user.headers)]
            for path in ("/", "/api/health", "/api/ready", "/api/users/me", "/api/users", "/api/auth/login", "/api/x")
        }
        login = await client.post("/api/auth/login", json={"email": user.email, "password": user.password})

    assert answers == {
        "/": [200, 200],
        "/api/health": [200, 200],
        "/api/ready": [200, 200],
        "/api/users/me": [401, 401],
        "/api/users": [401, 401],
        "/api/auth/login": [401, 401],
        "/api/x": [401, 401],
    }
    assert login.status_code == 401


@ON_SQLITE
async def test_a_module_that_is_off_has_no_routes_and_keeps_its_tables(make_app: MakeApp) -> None:
    app = make_app(disabled_modules=("auth",))

    paths = {rule.path for rule in app.state.access.routes}
    assert "/api/users/me" in paths
    assert not [path for path in paths if path.startswith("/api/auth")]
    assert "auth_sessions" in Base.metadata.tables
    assert not [path for path in app.openapi()["paths"] if path.startswith("/api/auth")]
    async with client_of(app) as client:
        state = (await client.get("/api/ready")).json()["data"]["checks"]["migrations"]
    assert state["auth"] == "applied"


def test_a_module_that_others_require_cannot_be_switched_off(make_modules: MakeModules) -> None:
    modules = make_modules({"alpha/module.py": declaration("requires=('beta',)"), "beta/module.py": declaration()})

    with pytest.raises(ModuleError, match="'alpha' requires 'beta', which DISABLED_MODULES switches off"):
        create(settings_for("sqlite://", disabled_modules=("beta",)), modules=modules)
    with pytest.raises(ModuleError, match="'auth' requires 'users', which DISABLED_MODULES switches off"):
        create(settings_for("sqlite://", disabled_modules=("users",)))


def test_auth_cannot_be_switched_off_while_another_module_requires_it(make_modules: MakeModules) -> None:
    modules = make_modules({"alpha/module.py": declaration("requires=('auth',)")}, besides=("modules",))

    with pytest.raises(
        ModuleError, match="'alpha' requires 'auth', which DISABLED_MODULES switches off: switch 'alpha'"
    ):
        create(settings_for("sqlite://", disabled_modules=("auth",)), modules=modules)


def test_an_unknown_module_cannot_be_switched_off() -> None:
    with pytest.raises(ModuleError, match="DISABLED_MODULES names 'atuh'"):
        create(settings_for("sqlite://", disabled_modules=("atuh",)))
