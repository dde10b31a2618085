"""What a front end on another origin may send and read, and how it is told why not."""

import httpx2 as httpx
import pytest

from shared.assembly.discovery import discover
from shared.testing.envelope import assert_failure
from tests.api.asgi import open_websocket
from tests.conftest import MakeApp, client_of
from tests.shared.packages import MakeModules, declaration, make_modules  # noqa: F401 - a fixture

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

ORIGIN = "https://app.example.com"
LOCAL = [
    "http://localhost:5173",
    "http://localhost:3000",
    "https://localhost:8443",
    "http://localhost",
    "http://127.0.0.1:4200",
    "http://[::1]:5173",
]
NOT_LOCAL = [
    "http://localhost.evil.test",
    "http://localhost:5173.evil.test",
    "http://evil.test:5173",
    "http://127.0.0.1.evil.test",
    "http://127.0.0.2:5173",
    "http://localhost:5173/",
    "http://localhost:",
    "http://user@localhost:5173",
    "ftp://localhost:5173",
    "http://localhost:5173\n",
    "null",
]
HEADERS = [
    "authorization",
    "content-type",
    "accept-language",
    "x-request-id",
    "x-requested-with",
    "if-match",
    "if-none-match",
    "idempotency-key",
    "last-event-id",
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
]
WITH_HEADERS = """
from fastapi import APIRouter, Response

from shared.access import Public

router = APIRouter()


@router.get("", dependencies=[Public("for a test")])
async def get_rooms(response: Response) -> str:
    response.headers["X-Rooms-Left"] = "7"
    return "rooms"
"""


async def preflight(
    client: httpx.AsyncClient, origin: str = ORIGIN, method: str = "PATCH", headers: str = "authorization"
) -> httpx.Response:
    sent = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return await client.options("/api/users/me", headers=sent)


async def test_development_lets_front_ends_on_this_machine_in(make_app: MakeApp) -> None:
    async with client_of(make_app(app_env="development", cors_origins=ORIGIN)) as client:
        for origin in [*LOCAL, ORIGIN]:
            assert (await preflight(client, origin)).headers["access-control-allow-origin"] == origin
            answer = await client.get("/api/users/me", headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
        for origin in NOT_LOCAL:
            assert_failure(await preflight(client, origin), 403, "permission_denied")
            assert "access-control-allow-origin" not in (await client.get("/", headers={"Origin": origin})).headers


async def test_development_lets_their_websockets_in_too(make_app: MakeApp) -> None:
    for env, accepted in (("development", True), ("test", False)):
        app = make_app(app_env=env, modules=discover("modules", "tests.fixtures.doors"))
        for origin in LOCAL:
            events = await open_websocket(app, "/api/doors/open-socket", (b"origin", origin.encode()))
            assert ("websocket.accept" in [event["type"] for event in events]) is accepted, origin


@pytest.mark.parametrize("env", ["test", "production"])
async def test_elsewhere_only_what_is_listed_is_let_in(make_app: MakeApp, env: str) -> None:
    safe = {"allow_sqlite_in_production": True, "jwt_secret_key": "7Kq2vXw9Zr4Lm8Np3Tb6" * 2}
    for listed in ("", ORIGIN):
        async with client_of(make_app(app_env=env, cors_origins=listed, **safe)) as client:
            for origin in LOCAL:
                assert_failure(await preflight(client, origin), 403, "permission_denied")
                answer = await client.get("/api/health", headers={"Origin": origin})
                assert "access-control-allow-origin" not in answer.headers


async def test_what_front_ends_send_passes(make_app: MakeApp) -> None:
    async with client_of(make_app(cors_origins=ORIGIN)) as client:
        for headers in [*HEADERS, ", ".join(HEADERS), "TraceParent,IF-MATCH"]:
            assert (await preflight(client, headers=headers)).status_code == 200, headers
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            assert (await preflight(client, method=method)).status_code == 200, method
        answer = await client.get("/api/health", headers={"Origin": ORIGIN})

    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"ETag", "Location", "Retry-After", "X-Request-ID", "Content-Disposition"}


async def test_a_refused_preflight_says_what_was_refused_and_what_allows_it(make_app: MakeApp) -> None:
    evil = "https://evil.test"
    async with client_of(make_app(cors_origins=ORIGIN)) as client:
        for answer, words, allowed in (
            (await preflight(client, origin=evil), (evil, "CORS_ORIGINS"), None),
            (await preflight(client, method="TRACE"), ("TRACE",), ORIGIN),
            (await preflight(client, headers="if-match, x-secret"), ("x-secret", "cors_headers"), ORIGIN),
            (await preflight(client, origin=evil + "%" * 500), (evil, "CORS_ORIGINS"), None),
        ):
            message = assert_failure(answer, 403, "permission_denied")["message"]
            assert all(word in message for word in words), message
            assert len(message) < 500
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert "Origin" in answer.headers["vary"]


async def test_a_module_brings_headers_of_its_own(make_app: MakeApp, make_modules: MakeModules) -> None:  # noqa: F811 - the fixture
    own = declaration("cors_headers=('X-Organisation-Id',), cors_exposed=('X-Rooms-Left',)")
    modules = make_modules({"rooms/module.py": own, "rooms/router.py": WITH_HEADERS}, besides=("modules",))
    async with client_of(make_app(modules=modules, cors_origins=ORIGIN)) as client:
        assert (await preflight(client, headers="x-organisation-id")).status_code == 200
        answer = await client.get("/api/rooms", headers={"Origin": ORIGIN, "X-Organisation-Id": "1"})
        assert "X-Rooms-Left" in answer.headers["access-control-expose-headers"]
    async with client_of(make_app(modules=modules, cors_origins=ORIGIN, disabled_modules="rooms")) as client:
        assert (await preflight(client, headers="x-organisation-id")).status_code == 403
