"""Default deny: what nobody opened is closed, whatever kind of route it is and however it is asked for."""

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI

from modules.auth.container import Container as AuthContainer
from shared.access.authenticator import DenyEveryone
from shared.access.table import AccessTable
from shared.assembly.discovery import discover
from tests.api.asgi import bearer, open_websocket
from tests.auth.roles import sign_up_with
from tests.conftest import Account, MakeApp, client_of
from tests.security.test_authorization import logged

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

DOORS = "/api/doors"


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(modules=discover("modules", "tests.fixtures.doors"))


# What the answer is without a token, to a plain user, to one who may open the doors, and to an administrator.
ANSWERS = {
    "/unmarked": [401, 200, 200, 200],
    "/guarded/by-router": [401, 403, 200, 200],
    "/guarded/innermost/by-router": [401, 403, 403, 200],
    "/logged-in/by-router": [401, 200, 200, 200],
    "/logged-in/guarded": [401, 403, 200, 200],
    "/several": [200, 200, 200, 200],
    "/fixed-first": [200, 200, 200, 200],
    "/something-first": [401, 403, 200, 200],
    "/mounted/inside": [401, 200, 200, 200],
    "/open-mounted/inside": [200, 200, 200, 200],
    "/guarded-mounted/inside": [401, 403, 200, 200],
    "/mounted-by-guarded-router/inside": [401, 403, 200, 200],
    "/nothing-here": [401, 404, 404, 404],
}


async def test_item_49_the_markers_of_a_route_and_of_the_routers_around_it_add_up(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    opener = await sign_up_with(client, admin, "doors:door.open")
    found = {}
    for path in ANSWERS:
        callers: list[dict[str, str]] = [{}, user.headers, opener.headers, admin.headers]
        found[path] = [(await client.get(DOORS + path, headers=headers)).status_code for headers in callers]

    assert found == ANSWERS


async def test_item_61_a_mount_is_closed_for_every_method_and_path_below(
    client: httpx.AsyncClient, user: Account
) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE", "TRACE", "PROPFIND"):
        for path in ("/mounted/", "/mounted/a/b", "/mounted/open", "/mounted//"):
            answer = await client.request(method, DOORS + path)
            assert answer.status_code == 401, f"{method} {path}"
    served = await client.post(f"{DOORS}/mounted/a/b", headers=user.headers)
    assert (served.status_code, served.text) == (200, "mounted a/b")


@pytest.mark.parametrize("path", ["/socket", "/guarded/socket", "/mounted/socket", "/no-socket-here", "/unmarked"])
async def test_item_60_a_websocket_is_refused_without_a_token(app: FastAPI, path: str) -> None:
    for headers in ([], [bearer("garbage")], [(b"cookie", b"authorization=x")]):
        (answer,) = await open_websocket(app, DOORS + path, *headers)
        assert answer["type"] == "websocket.close"


async def test_item_60_a_websocket_is_served_to_whoever_may_open_it(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    async def is_accepted(path: str, account: Account | None = None) -> bool:
        headers = [bearer(account.tokens["access_token"])] if account else []
        return "websocket.accept" in [event["type"] for event in await open_websocket(app, DOORS + path, *headers)]

    assert await is_accepted("/open-socket")
    assert await is_accepted("/socket", user)
    assert await is_accepted("/mounted/socket", user)
    assert not await is_accepted("/guarded/socket", user)
    assert not await is_accepted("/guarded-mounted/socket", user)
    assert await is_accepted("/guarded/socket", admin)
    assert await is_accepted("/guarded-mounted/socket", admin)


async def test_a_wrong_method_is_told_every_right_one(client: httpx.AsyncClient, user: Account) -> None:
    expected = {"/several": "GET, HEAD, PUT", "/closed": "GET, HEAD, POST"}
    for path, allowed in expected.items():
        answer = await client.delete(DOORS + path, headers=user.headers)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == allowed


async def test_item_62_a_wrong_method_needs_a_token_unless_the_path_is_open_to_anybody(
    client: httpx.AsyncClient,
) -> None:
    for method in ("HEAD", "OPTIONS", "TRACE", "DELETE", "PATCH", "PROPFIND", "get"):
        assert (await client.request(method, f"{DOORS}/closed")).status_code == 401, method
    for method in ("OPTIONS", "TRACE", "DELETE", "PATCH", "PROPFIND"):
        assert (await client.request(method, f"{DOORS}/several")).status_code == 405, method
    # An open method does not open its neighbours.
    assert (await client.put(f"{DOORS}/several")).status_code == 401


async def test_item_62_with_a_token_options_and_trace_are_wrong_methods(
    client: httpx.AsyncClient, user: Account
) -> None:
    for method in ("OPTIONS", "TRACE"):
        answer = await client.request(method, f"{DOORS}/closed", headers=user.headers)
        assert answer.status_code == 405, method
        assert answer.headers["allow"] == "GET, HEAD, POST"


# What follows the host, as it is sent; the path behind it is closed to everybody but an administrator.
MUTATIONS = [
    "//api/users",
    "/api//users",
    "/api/users/",
    "/api/users//",
    "/API/USERS",
    "/api/Users",
    "/api/users%0a",
    "/api/users%0d%0a",
    "/api/users%00",
    "/api/users%20",
    "/api/users%09",
    "/api/users;x=y",
    "/api/users.json",
    "/api/users%2f",
    "/api%2fusers",
    "/%61pi/users",
    "/api/%75sers",
    "/api/%2575sers",
    "/api/users%3f",
    "/api/users%23",
    "/api/health/../users",
    "/api/health/%2e%2e/users",
    "/api/health%2f..%2fusers",
    "/api/./users",
    "/api/users/.",
    "/api/users/../users",
    "/api/users\\",
    "/api\\users",
    "/api/users?/api/health",
    "/api/users#/api/health",
    "/api/users?path=/api/health",
    "/api/users%E2%80%8B",
    "/%EF%BD%81pi/users",
]


async def test_item_57_no_spelling_of_a_closed_path_opens_it(client: httpx.AsyncClient, user: Account) -> None:
    for path in MUTATIONS:
        assert (await client.get(path)).status_code == 401, path
        assert (await client.get(path, headers=user.headers)).status_code in {403, 404}, path


@pytest.mark.parametrize(
    "header",
    ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-HTTP-Method-Override", "Upgrade"],
)
async def test_no_header_opens_a_closed_path(client: httpx.AsyncClient, header: str) -> None:
    for value in ("/api/health", "GET", "websocket"):
        assert (await client.get("/api/users", headers={header: value})).status_code == 401


async def test_an_answer_without_a_token_does_not_tell_what_exists(client: httpx.AsyncClient) -> None:
    answers = [
        (await client.request(method, path))
        for method, path in [("GET", "/api/users/me"), ("GET", "/api/nothing"), ("DELETE", "/api/users"), ("GET", "/x")]
    ]

    told = [(one.status_code, {**one.json(), "request_id": ""}, one.headers["www-authenticate"]) for one in answers]
    assert all(one == told[0] for one in told)
    assert told[0][0] == 401


@pytest.mark.module_rules
async def test_item_49_every_route_of_every_module_is_closed_unless_it_is_public(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    table: AccessTable = app.state.access
    closed = [(method, rule.path) for rule in table.routes if not rule.is_public for method in rule.methods]

    assert len(closed) > 10
    for method, path in closed:
        answer = await client.request(method, path.replace("{user_id}", "0190b6e4-0000-7000-8000-000000000000"))
        assert answer.status_code == 401, f"{method} {path}"


async def test_without_the_authenticators_yes_nothing_opens(app: FastAPI) -> None:
    app.state.runtime.of(AuthContainer).authenticator.override(providers.Object(DenyEveryone()))
    async with client_of(app) as client:
        answers = [
            await client.get(f"{DOORS}{path}", headers={"Authorization": "Bearer x"})
            for path in ("/closed", "/several")
        ]

    assert [answer.status_code for answer in answers] == [401, 200]


async def test_a_refusal_names_every_permission_that_the_caller_lacks(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account, admin: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    opener = await sign_up_with(client, admin, "doors:door.open")
    async with client_of(make_app(modules=discover("modules", "tests.fixtures.doors"))) as asking:
        for account in (user, opener):
            await asking.get(f"{DOORS}/guarded/innermost/by-router", headers=account.headers)

    lines = logged(capsys.readouterr().err)
    assert [line["permission"] for line in lines if line["event"] == "permission_denied"] == [
        "doors:door.open, doors:room.enter",
        "doors:room.enter",
    ]


async def test_the_document_names_every_permission(app: FastAPI) -> None:
    operation = app.openapi()["paths"][f"{DOORS}/guarded/innermost/by-router"]["get"]

    assert operation["description"] == "Requires the permissions `doors:door.open` and `doors:room.enter`."
    assert "403" in operation["responses"]


async def test_a_start_says_once_which_routes_state_nothing(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.doors"))
    async with app.router.lifespan_context(app):
        pass

    (line,) = [line for line in logged(capsys.readouterr().err) if line["event"] == "unmarked_routes"]
    assert "GET /api/doors/unmarked" in line["routes"]


async def test_what_states_nothing_is_known_by_name(app: FastAPI) -> None:
    table: AccessTable = app.state.access

    assert table.unmarked() == [
        "GET /api/doors/closed",
        "GET /api/doors/unmarked",
        "MOUNT /api/doors/mounted",
        "POST /api/doors/closed",
        "WEBSOCKET /api/doors/socket",
    ]
