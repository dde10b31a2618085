"""What browsers let pages of elsewhere do here: read what the list of origins says, and failures as well."""

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.assembly.discovery import discover
from shared.testing.envelope import assert_failure
from tests.api.asgi import bearer, request
from tests.api.failing import app_without_database
from tests.architecture.test_access import DOCUMENTATION, PUBLIC
from tests.conftest import Account, MakeApp, client_of
from tests.security.access_model import doors_of

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

ORIGIN = "https://app.example.com"
FOREIGN_ORIGINS = [
    "https://evil.test",
    "https://app.example.com.evil.test",
    "https://xapp.example.com",
    "https://app.example.com/",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://test.evil.test",
    "https://eviltest",
    "http://test:81",
    "http://test@evil.test",
    "file://test",
    "test",
    "null",
    "",
    "*",
    "https://evil.test, https://app.example.com",
]


async def test_item_62_only_a_real_preflight_passes(make_app: MakeApp, user: Account) -> None:
    app = make_app(cors_origins=ORIGIN)
    doors = doors_of(app, [*PUBLIC, *DOCUMENTATION])
    public = {door.path for door in doors if door.is_public}
    origin, method = (b"origin", ORIGIN.encode()), (b"access-control-request-method", b"GET")
    for path in {door.filled(dict.fromkeys(door.parameters, user.id)) for door in doors} | {"/nothing"}:
        for headers in ((), (origin,), (method,), (method, (b"access-control-request-headers", b"authorization"))):
            answer = await request(app, "OPTIONS", path, *headers)
            assert answer.code == ("method_not_allowed" if path in public else "not_authenticated"), path
        # It is answered before any route is looked for, and so tells of none.
        preflight = await request(app, "OPTIONS", path, origin, method)
        assert (preflight.status, preflight.body) == (200, b"OK")
        for refused in ((b"origin", b"https://evil.test"), method), (origin, (method[0], b"TRACE")):
            answer = await request(app, "OPTIONS", path, *refused)
            assert (answer.status, answer.code) == (403, "permission_denied")


async def test_item_63_a_failure_by_any_layer_reaches_a_browser(
    make_app: MakeApp, database: str, user: Account, admin: Account
) -> None:
    modules = discover("modules", "tests.fixtures.probes")
    app = make_app(modules=modules, cors_origins=ORIGIN, auth={"login_limit_per_address": "1/day"})
    login, json, sent = "/api/auth/login", {"email": user.email, "password": user.password}, {"Origin": ORIGIN}
    as_user = sent | user.headers
    async with client_of(app) as client:
        answers = [
            await client.get("/api/users/me", headers=sent),
            await client.get("/api/users/me", headers=sent | {"Authorization": "Bearer x"}),
            await client.get("/api/users", headers=as_user),
            await client.get("/api/nothing", headers=as_user),
            await client.put("/api/users/me", headers=as_user),
            await client.post("/api/users", headers=sent | admin.headers, json={"email": user.email}),
            await client.post(login, headers=sent | {"Content-Length": "99999999"}, content=b""),
            await client.post(login, headers=sent, content=b"{}"),
            await client.post(login, headers=sent, json={}),
            *[await client.post(login, headers=sent, json=json) for _ in range(2)],
            await client.get("/api/probe/crash", headers=sent),
        ]
    async with app_without_database(make_app, database, cors_origins=ORIGIN) as dead, client_of(dead) as client:
        answers.append(await client.get("/api/users/me", headers=as_user))

    statuses = [401, 401, 403, 404, 405, 409, 413, 415, 422, 200, 429, 500, 503]
    assert [answer.status_code for answer in answers] == statuses
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == ORIGIN, answer.text
        assert "X-Request-ID" in answer.headers["access-control-expose-headers"]


async def test_item_63_no_path_is_redirected_to_another(app: FastAPI, admin: Account) -> None:
    token = bearer(admin.tokens["access_token"])
    for door in doors_of(app, [*PUBLIC, *DOCUMENTATION]):
        path = door.filled(dict.fromkeys(door.parameters, admin.id))
        for other in {f"{path}/", path.rstrip("/"), f"/{path}"} - {path, ""}:
            stranger, known = await request(app, "GET", other), await request(app, "GET", other, token)
            assert (stranger.status, known.status) == (401, 404), other
            assert b"location" not in stranger.headers.keys() | known.headers.keys()


async def test_item_64_only_the_listed_origin_may_read(make_app: MakeApp, user: Account) -> None:
    preflight = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "Authorization"}
    async with client_of(make_app(cors_origins=ORIGIN)) as client:
        for origin in (ORIGIN, *FOREIGN_ORIGINS, "http://test"):
            answers = [
                await client.get("/api/health", headers={"Origin": origin}),
                await client.get("/api/users/me", headers={"Origin": origin}),
                await client.get("/api/users/me", headers={"Origin": origin} | user.headers),
                await client.options("/api/users/me", headers={"Origin": origin} | preflight),
            ]
            allowed = {answer.headers.get("access-control-allow-origin") for answer in answers}
            assert allowed == {ORIGIN if origin == ORIGIN else None}, origin
            for answer in answers:
                # No cookie is anybody's credential here, and no cache mixes up whom it was for.
                assert "access-control-allow-credentials" not in answer.headers
                assert "Origin" in answer.headers["vary"]


async def test_item_64_without_a_list_no_origin_may_read(client: httpx.AsyncClient, user: Account) -> None:
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    answers = [
        await client.get("/api/users/me", headers={"Origin": ORIGIN} | user.headers),
        await client.options("/api/users/me", headers=preflight),
        await client.options("/api/health", headers=preflight),
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 403]
    for answer in answers[1:]:
        assert "CORS_ORIGINS" in assert_failure(answer, 403, "permission_denied")["message"]
        assert "Origin" in answer.headers["vary"]
    assert not any(name.startswith("access-control") for answer in answers for name in answer.headers)
