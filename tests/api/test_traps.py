"""Traps that have caught services like this one; each test has the number of the trap in its name."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2 as httpx
import jwt
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from modules.auth.models import ADMIN, UserRole
from modules.users import User
from shared.assembly.discovery import discover
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.api.asgi import Event, bearer, open_websocket, post
from tests.api.failing import failing_commits
from tests.conftest import Account, MakeApp, client_of, sign_up
from tests.factories import RegisterRequestFactory

JSON = {"Content-Type": "application/json"}
ORIGIN = {"Origin": "https://app.example.com"}


async def send(client: httpx.AsyncClient, path: str, body: str, method: str = "POST", **headers: str) -> httpx.Response:
    return await client.request(method, path, content=body, headers=JSON | headers)


async def test_item_66_t1_a_lone_surrogate_is_422(
    client: httpx.AsyncClient, probe: httpx.AsyncClient, admin: Account
) -> None:
    register = RegisterRequestFactory.build().model_dump(mode="json")
    bodies: list[tuple[str, dict[str, Any]]] = [
        *(("/api/auth/register", register | {field: "a\ud800b" * 6}) for field in register),
        ("/api/auth/login", {"email": "\udfff@x.io", "password": "x"}),
        ("/api/auth/login", {"email": "a@x.io", "password": "\ud800"}),
        ("/api/auth/refresh", {"refresh_token": "\ud800"}),
        ("/api/users", {"email": "a\ud800@x.io"}),
        ("/api/users", {"email": "a@x.io", "nickname": "\ud800"}),
        # The name of an unknown field, which the failure names.
        ("/api/users", {"email": "a@x.io", "\ud800": 1}),
        ("/api/auth/login", {"email": "a@x.io", "password": "x", "\udc00\ud800": "\ud800"}),
    ]
    for path, body in bodies:
        assert input_errors(await send(client, path, json.dumps(body), **admin.headers))
    answer = await send(client, "/api/users/me", json.dumps({"nickname": "\ud800"}), "PATCH", **admin.headers)
    assert input_errors(answer)
    assert input_errors(await send(probe, "/api/probe/notes", json.dumps({"text": "\ud800"})))
    # A whole pair is a character like any other.
    assert data_of(await send(probe, "/api/probe/notes", r'{"text": "\ud83d\ude00"}')) == "\U0001f600"


async def test_item_67_t2_a_number_that_is_none_is_422(probe: httpx.AsyncClient) -> None:
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", '"NaN"', '"inf"'):
        answer = await send(probe, "/api/probe/measurements", f'{{"value": {number}}}')
        assert [loc for loc, _ in input_errors(answer)] == [("body", "value")], number

    assert data_of(await send(probe, "/api/probe/measurements", '{"value": 1e300}')) == 1e300


async def test_item_67_t3_a_number_beyond_every_column_is_422(client: httpx.AsyncClient, admin: Account) -> None:
    for number in (2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**60, int("9" * 4000)):
        for answer in (
            await client.get(f"/api/users/{number}", headers=admin.headers),
            await client.patch(f"/api/users/{number}", headers=admin.headers, json={}),
            await client.get("/api/users", headers=admin.headers, params={"limit": number}),
        ):
            assert input_errors(answer)


async def test_item_72_t4_a_refused_body_is_never_echoed(client: httpx.AsyncClient) -> None:
    canary = "canary-Xq7"
    bodies = [
        json.dumps({"password": canary * 3}),
        json.dumps({"email": canary, "password": canary}),
        json.dumps({"email": [canary], "password": {"x": canary}}),
        json.dumps([canary]),
        json.dumps(canary),
        f'{{"email": "a@x.io", "password": "{canary}"',
        f'{{"password": "{canary}" nonsense}}',
    ]
    for path in ("/api/auth/register", "/api/auth/login", "/api/auth/refresh"):
        for body in bodies:
            answer = await send(client, path, body)
            assert answer.status_code in {400, 401, 422}, answer.text
            assert canary not in answer.text
        typed = await client.post(path, content=bodies[0], headers={"Content-Type": "text/plain"})
        assert canary not in assert_failure(typed, 415, "unsupported_media_type")["message"]
        assert canary not in typed.text


async def test_t5_a_long_password_logs_in_and_a_longer_one_does_not(client: httpx.AsyncClient) -> None:
    long = "seven purple tractors sing; " * 4
    user = await sign_up(client, RegisterRequestFactory.build(password=long))

    for wrong in (long[:72], f"{long[:72]}y", f"{long}x"):
        answer = await client.post("/api/auth/login", json={"email": user.email, "password": wrong})
        assert_failure(answer, 401, "invalid_credentials")


async def test_t6_a_write_whose_commit_fails_is_not_acknowledged(app: FastAPI, admin: Account) -> None:
    statuses: list[int] = []

    async def note(event: Event) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    body = json.dumps({"email": "a@x.io"}).encode()
    with failing_commits(app) as failed:
        await post(app, "/api/users", body, bearer(admin.tokens["access_token"]), before=note)

    assert failed
    assert statuses == [503]


async def test_t7_no_spelling_of_a_path_opens_it(client: httpx.AsyncClient, user: Account) -> None:
    for path in (
        "/api/users%0a",
        "/api/users/%0a",
        "/api/%75sers",
        "/%61pi/users",
        "//api/users",
        "/api//users",
        "/api/./users",
        "/api/health/../users",
        "/api/health/..%2fusers",
        "/api/health%2f..%2fusers",
        "/api/users;x",
        "/api/users%3bx",
        "/API/users",
        "/api/USERS",
        "/api/users%20",
        "/api/users%00",
        "/api/users/",
        "/api%2fusers",
        "/api/auth/login/../../users",
        "/api/auth/login%0a/x",
    ):
        stranger = await client.get(path)
        assert stranger.status_code == 401, f"{path}: {stranger.text}"
        known = await client.get(path, headers=user.headers)
        assert known.status_code in {403, 404}, f"{path}: {known.text}"


async def test_t7_a_path_that_only_looks_public_is_not(client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/api/health/x"),
        ("GET", "/api/healthy"),
        ("GET", "/api/auth/loginx"),
        ("POST", "/api/auth/login/x"),
        ("POST", "/api/auth"),
        ("GET", "/api/users/me%0a"),
        ("GET", "/docs/x"),
    ):
        assert_failure(await client.request(method, path), 401, "not_authenticated")


async def test_t8_a_websocket_is_behind_the_same_door(probe_app: FastAPI) -> None:
    async with client_of(probe_app) as client:
        user = await sign_up(client)
    token = bearer(user.tokens["access_token"])
    unmarked, guarded = "/api/probe/socket", "/api/probe/guarded-socket"

    for path in (unmarked, guarded, "/api/probe/nothing"):
        for headers in ([], [bearer("x")], [token, token]):
            assert [event["type"] for event in await open_websocket(probe_app, path, *headers)] == ["websocket.close"]
    assert (await open_websocket(probe_app, unmarked, token))[0]["type"] == "websocket.accept"
    assert [event["type"] for event in await open_websocket(probe_app, guarded, token)] == ["websocket.close"]

    runtime: Runtime = probe_app.state.runtime
    async with runtime.shared.database().transaction() as session:
        session.add(UserRole(user_id=UUID(user.id), role_name=ADMIN))
    assert (await open_websocket(probe_app, guarded, token))[0]["type"] == "websocket.accept"


async def test_t9_transactions_that_read_and_then_write_wait_for_each_other(app: FastAPI, user: Account) -> None:
    runtime: Runtime = app.state.runtime
    database = runtime.shared.database()

    async def rename(name: str) -> None:
        async with database.transaction() as session:
            row = (await session.scalars(select(User).where(User.id == UUID(user.id)))).one()
            # Lets every other transaction read before this one writes, if it may.
            for _ in range(20):
                await session.scalar(select(User.nickname).where(User.id == UUID(user.id)))
            row.nickname = name

    names = [f"name {number}" for number in range(8)]
    await asyncio.gather(*(rename(name) for name in names))

    async with database.read() as session:
        assert await session.scalar(select(User.nickname).where(User.id == UUID(user.id))) in names


async def test_t10_one_address_is_one_account_however_it_is_written(client: httpx.AsyncClient) -> None:
    for first, second in (("FOO@example.com", "foo@example.com"), ("\ufb00@x.io", "ff@x.io"), (" a@x.io ", "a@x.io")):
        await sign_up(client, RegisterRequestFactory.build(email=first))
        body = RegisterRequestFactory.build(email=second).model_dump(mode="json")
        assert_failure(await client.post("/api/auth/register", json=body), 409, "email_taken")

    named = RegisterRequestFactory.build().model_dump(mode="json") | {"email": "Foo <foo@example.com>"}
    assert input_errors(await client.post("/api/auth/register", json=named))


async def test_t11_a_token_without_an_end_is_no_token(app: FastAPI, client: httpx.AsyncClient, user: Account) -> None:
    runtime: Runtime = app.state.runtime
    key_id, key = next(iter(runtime.shared.keys().keys("access").items()))
    claims = jwt.decode(user.tokens["access_token"], options={"verify_signature": False})
    headers = {"typ": "at+jwt", "kid": key_id}

    def authorization(**changed: Any) -> dict[str, str]:
        content = {name: value for name, value in (claims | changed).items() if value is not None}
        return {"Authorization": f"Bearer {jwt.encode(content, key, 'HS256', headers)}"}

    later = datetime.now(UTC) + timedelta(minutes=5)
    data_of(await client.get("/api/users/me", headers=authorization(exp=later)))
    assert_failure(await client.get("/api/users/me", headers=authorization(exp=None)), 401, "not_authenticated")


async def test_t12_what_was_bound_to_a_statement_is_not_logged(
    capsys: pytest.CaptureFixture[str], make_app: MakeApp
) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.probes"), debug=True)
    async with client_of(app) as client:
        answer = await client.post("/api/probe/queries", json={"text": "canary-Xq7"})
        user = await sign_up(client, RegisterRequestFactory.build(password="canary-Zw8 purple tractors"))
        with failing_commits(app):
            await client.post("/api/auth/login", json={"email": user.email, "password": user.password})
        await client.post("/api/auth/login", json={"email": "a@x.io", "password": "canary-Zw8" * 200})

    # SQLite's driver does not tell a wrong statement from a database that is away.
    assert answer.status_code in {500, 503}
    log = capsys.readouterr().err
    assert "there_is_no_such_table" in log
    assert answer.headers["x-request-id"] in log
    for secret in ("canary", "$2b$", "bcrypt-hs384", user.tokens["access_token"], user.tokens["refresh_token"]):
        assert secret not in log


async def test_item_71_t13_a_refusal_by_a_layer_has_the_envelope(probe: httpx.AsyncClient) -> None:
    by_the_layer = await probe.get("/api/users/me")
    by_a_route = await probe.get("/api/probe/refusal")
    too_large = await probe.post("/api/auth/login", content=b"", headers={"Content-Length": "10000000"})

    for answer in (by_the_layer, by_a_route):
        assert_failure(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert_failure(too_large, 413, "payload_too_large")


async def test_t14_a_crash_reaches_a_browser_like_any_answer(probe: httpx.AsyncClient) -> None:
    request_id = "a-request-of-this-test"

    for path, status in (("crash", 500), ("refusal", 401)):
        answer = await probe.get(f"/api/probe/{path}", headers=ORIGIN | {"X-Request-ID": request_id})
        assert answer.status_code == status
        assert answer.json()["request_id"] == answer.headers["x-request-id"] == request_id
        assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]

    for origin in ("https://evil.example", "https://app.example.com.evil.example", "null"):
        foreign = await probe.get("/api/probe/crash", headers={"Origin": origin})
        assert "access-control-allow-origin" not in foreign.headers
