"""What stands in front of every route: nothing that a client sends beside its token opens a closed one."""

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI

from modules.auth.container import Container as AuthContainer
from shared.assembly.discovery import discover
from shared.context import Principal
from shared.testing.envelope import assert_failure, data_of
from tests.api.asgi import bearer, open_websocket, request
from tests.api.failing import app_without_database
from tests.architecture.test_access import DOCUMENTATION, PUBLIC
from tests.conftest import Account, MakeApp, client_of
from tests.security.access_model import METHODS, Door, doors_of
from tests.security.operations import operations_of
from tests.security.test_cors import FOREIGN_ORIGINS, ORIGIN

SQLITE_ONLY = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

SOCKETS = "/api/doors"


@pytest.fixture
def doors(app: FastAPI) -> list[Door]:
    return doors_of(app, [*PUBLIC, *DOCUMENTATION])


def neighbours(path: str) -> set[str]:
    """Paths that begin or end like this one."""
    up = path.rpartition("/")[0]
    return {
        f"{path}x",
        f"{path}/x",
        f"{path}/",
        f"{path}/..",
        f"{path}/../users",
        f"{path}.json",
        f"{path}-x",
        f"{path}:x",
        f"{path},/api/users",
        f"/x{path}",
        f"/api{path}",
        f"{up}/",
        f"{up}/*",
        path[:-1] or "/x",
        up or "/x",
    }


@pytest.mark.module_rules
@SQLITE_ONLY
async def test_item_58_a_public_route_opens_nothing_beside_it(app: FastAPI, doors: list[Door]) -> None:
    public = {door.path for door in doors if door.is_public}
    beside = {path for one in public for path in neighbours(one)} - public
    opened = [
        f"{method} {path}: {answer.status}"
        for path in sorted(beside)
        for method in METHODS
        if (answer := await request(app, method, path)).code != "not_authenticated"
    ]

    assert len(beside) > 100
    assert opened == []


@pytest.mark.module_rules
@SQLITE_ONLY
async def test_item_58_a_public_path_opens_for_its_own_method_alone(app: FastAPI, doors: list[Door]) -> None:
    public = {door.path for door in doors if door.is_public}
    for path in sorted(public):
        own = {door.method for door in doors if door.path == path}
        for method in {*METHODS, "get", "post"} - own:
            answer = await request(app, method, path)
            assert (answer.status, answer.code) == (405, "method_not_allowed"), f"{method} {path}"
            assert set(answer.headers[b"allow"].decode().split(", ")) == own

    assert len(public) > 10


HOSTS = ["x/api/health?", "a#/api/auth/login", "test/api/health", "test?", "user@test", "test:80:80", "a b", "", "\t"]


@SQLITE_ONLY
async def test_item_59_a_malformed_host_opens_nothing_for_anybody(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    for host in HOSTS:
        for path in ("/api/users", "/api/users/me", "/api/health", "/nothing"):
            for headers in ({}, user.headers, admin.headers):
                answer = await client.get(path, headers={"Host": host, **headers})
                assert_failure(answer, 400, "bad_request")


@SQLITE_ONLY
async def test_item_59_no_host_that_is_well_formed_changes_a_decision(client: httpx.AsyncClient, user: Account) -> None:
    for host in ("evil.test", "localhost", "127.0.0.1:8000", "api", "health"):
        for header in ("Host", "X-Forwarded-Host", "Forwarded", "X-Host"):
            sent = {header: f"host={host}" if header == "Forwarded" else host}
            assert_failure(await client.get("/api/users", headers=sent), 401, "not_authenticated")
            assert_failure(await client.get("/api/users", headers=sent | user.headers), 403, "permission_denied")
            assert data_of(await client.get("/api/users/me", headers=sent | user.headers))["id"] == user.id


@pytest.fixture
def doors_app(make_app: MakeApp) -> FastAPI:
    return make_app(modules=discover("modules", "tests.fixtures.doors"), cors_origins=ORIGIN)


async def is_accepted(app: FastAPI, path: str, *headers: tuple[bytes, bytes]) -> bool:
    first, *_ = await open_websocket(app, SOCKETS + path, *headers)
    assert first["type"] == "websocket.accept" or first["code"] == 1008
    return bool(first["type"] == "websocket.accept")


@SQLITE_ONLY
async def test_item_60_a_page_from_elsewhere_opens_no_websocket(doors_app: FastAPI, user: Account) -> None:
    token = bearer(user.tokens["access_token"])
    for path, headers in (("/open-socket", ()), ("/socket", (token,)), ("/mounted/socket", (token,))):
        for origin in FOREIGN_ORIGINS:
            assert not await is_accepted(doors_app, path, (b"origin", origin.encode()), *headers), origin
        for one in (ORIGIN, "http://test", "https://evil.test"):
            several = (b"origin", ORIGIN.encode()), (b"origin", one.encode())
            assert not await is_accepted(doors_app, path, *several, *headers)


@SQLITE_ONLY
async def test_item_60_a_page_of_our_own_opens_what_its_token_opens(
    doors_app: FastAPI, make_app: MakeApp, user: Account
) -> None:
    token = bearer(user.tokens["access_token"])
    for origin in (ORIGIN, "http://test", "https://test", "HTTPS://Test"):
        sent = (b"origin", origin.encode())
        assert await is_accepted(doors_app, "/open-socket", sent)
        assert await is_accepted(doors_app, "/socket", sent, token)
        assert not await is_accepted(doors_app, "/socket", sent)
        assert not await is_accepted(doors_app, "/guarded/socket", sent, token)
    # What is no browser says nothing, and a page that is not listed is a foreign one.
    assert await is_accepted(doors_app, "/socket", token)
    unlisted = make_app(modules=discover("modules", "tests.fixtures.doors"))
    assert not await is_accepted(unlisted, "/open-socket", (b"origin", ORIGIN.encode()))
    assert await is_accepted(unlisted, "/open-socket", (b"origin", b"http://test"))


@pytest.mark.module_rules
async def test_item_65_without_a_database_everything_closed_stays_closed(
    make_app: MakeApp, database: str, user: Account
) -> None:
    async with app_without_database(make_app, database) as app, client_of(app) as client:
        closed = [operation for operation in operations_of(app) if not operation.is_public]
        for operation in closed:
            answer = await client.request(operation.method, operation.url(), headers=user.headers, json={})
            assert_failure(answer, 503, "unavailable")
        assert_failure(await client.get("/api/nothing", headers=user.headers), 503, "unavailable")
        # A stranger is refused without it, and the process is well.
        assert_failure(
            await client.get("/api/users/me", headers={"Authorization": "Bearer x"}), 401, "not_authenticated"
        )
        assert data_of(await client.get("/api/health")) == {"status": "ok"}
        assert_failure(await client.get("/api/ready"), 503, "not_ready")

    assert len(closed) > 20


@SQLITE_ONLY
async def test_item_65_without_a_database_no_websocket_and_no_mount_opens(
    make_app: MakeApp, database: str, user: Account
) -> None:
    modules, token = discover("modules", "tests.fixtures.doors"), bearer(user.tokens["access_token"])
    async with app_without_database(make_app, database, modules=modules) as app:
        assert not await is_accepted(app, "/socket", token)
        assert not await is_accepted(app, "/mounted/socket", token)
        assert await is_accepted(app, "/open-socket")
        assert (await request(app, "GET", "/api/doors/mounted/inside", token)).code == "unavailable"


class BrokenAuthenticator:
    async def authenticate(self, token: str) -> Principal | None:
        raise KeyError(token)


@pytest.mark.module_rules
@SQLITE_ONLY
async def test_item_65_a_fault_of_the_authenticator_opens_nothing(app: FastAPI, user: Account) -> None:
    app.state.runtime.of(AuthContainer).authenticator.override(providers.Object(BrokenAuthenticator()))
    async with client_of(app) as client:
        for operation in operations_of(app):
            if not operation.is_public:
                answer = await client.request(operation.method, operation.url(), headers=user.headers, json={})
                assert_failure(answer, 500, "internal_error")
                assert user.tokens["access_token"] not in answer.text
        assert data_of(await client.get("/api/health"))
