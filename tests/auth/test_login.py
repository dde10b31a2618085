from typing import Any

import httpx2 as httpx
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.conftest import Account, client_of, log_in


async def attempt(client: httpx.AsyncClient, email: object, password: object) -> httpx.Response:
    return await client.post("/api/auth/login", json={"email": email, "password": password})


async def deactivate(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    data_of(await client.post(f"/api/users/{user.id}/deactivate", headers=admin.headers))


async def test_a_login_gives_two_tokens_and_their_lifetimes(client: httpx.AsyncClient, user: Account) -> None:
    answer = await attempt(client, user.email, user.password)

    tokens = data_of(answer)
    assert set(tokens) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
        "session_id",
    }
    assert (tokens["token_type"], tokens["expires_in"], tokens["refresh_expires_in"]) == ("Bearer", 900, 7 * 86_400)
    assert answer.headers["cache-control"] == "no-store"


async def test_each_login_is_a_session_of_its_own(client: httpx.AsyncClient, user: Account) -> None:
    another = await log_in(client, user.email, user.password)

    for name in ("session_id", "access_token", "refresh_token"):
        assert another[name] != user.tokens[name]


async def test_item_13_every_failed_login_looks_the_same(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    wrong = await attempt(client, user.email, f"{user.password}x")
    unknown = await attempt(client, "nobody@example.com", user.password)
    no_address = await attempt(client, "Foo <a@x.io>", user.password)
    await deactivate(client, admin, user)
    deactivated = await attempt(client, user.email, user.password)
    invited = await client.post("/api/users", json={"email": "invited@example.com"}, headers=admin.headers)
    no_password = await attempt(client, data_of(invited, 201)["email"], user.password)

    assert len({_appearance(one) for one in (wrong, unknown, no_address, deactivated, no_password)}) == 1
    assert_failure(wrong, 401, "invalid_credentials")


def _appearance(answer: httpx.Response) -> str:
    headers = sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id")
    return f"{answer.status_code} {headers} {answer.text.replace(answer.headers['x-request-id'], '-')}"


async def test_an_activated_user_can_log_in_again(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    await deactivate(client, admin, user)
    data_of(await client.post(f"/api/users/{user.id}/activate", headers=admin.headers))

    assert await log_in(client, user.email, user.password)


async def test_item_04_a_long_password_is_a_wrong_one(client: httpx.AsyncClient, user: Account) -> None:
    for length in (73, 257, 1024):
        for email in (user.email, "nobody@example.com"):
            assert_failure(await attempt(client, email, "x" * length), 401, "invalid_credentials")


async def test_item_04_an_absurdly_long_password_is_no_password(client: httpx.AsyncClient, user: Account) -> None:
    for length in (1025, 5000, 16_000):
        for email in (user.email, "nobody@example.com"):
            ((loc, _),) = input_errors(await attempt(client, email, "x" * length))
            assert loc == ("body", "password")


async def test_a_strange_address_is_an_unknown_one(client: httpx.AsyncClient) -> None:
    for email in ("'; DROP TABLE users; --", "%", "\U0001f600@x.io", " ", "x" * 1024):
        assert_failure(await attempt(client, email, "whatever-it-may-be"), 401, "invalid_credentials")


async def test_control_characters_are_no_address(client: httpx.AsyncClient) -> None:
    # PostgreSQL cannot even be asked for text with a NUL.
    for email in ("a\u0000@x.io", "a@x.io\r\n", "\u202ea@x.io"):
        ((loc, _),) = input_errors(await attempt(client, email, "whatever-it-may-be"))
        assert loc == ("body", "email")


async def test_a_login_of_another_form_is_refused_without_an_echo(client: httpx.AsyncClient) -> None:
    bodies: list[Any] = [
        {},
        {"email": "a@x.io"},
        {"password": "canary-17"},
        {"email": "a@x.io", "password": "canary-17", "scope": "admin"},
        {"email": ["a@x.io"], "password": "canary-17"},
        ["a@x.io", "canary-17"],
        "canary-17",
        None,
    ]
    for body in bodies:
        answer = await client.post("/api/auth/login", json=body)
        assert input_errors(answer)
        assert "canary" not in answer.text


async def test_item_24_a_login_is_not_a_form_and_nothing_in_the_address(
    client: httpx.AsyncClient, user: Account
) -> None:
    credentials = {"email": user.email, "password": user.password}

    assert_failure(await client.post("/api/auth/login", data=credentials), 415, "unsupported_media_type")
    input_errors(await client.post("/api/auth/login", params=credentials))


async def test_whatever_a_client_calls_itself_it_can_log_in(app: FastAPI, user: Account) -> None:
    # What a proxy hands on as the address is the client's word.
    transport = httpx.ASGITransport(app=app, client=("x" * 300, 0))
    for agent in (b"", b"x" * 10_240, b"\xff" * 1000, b"\xc3\xa9", b"\x1b[31m", bytes(range(256)), b"\x00" * 300):
        headers = {b"User-Agent": agent}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            tokens = await log_in(client, user.email, user.password)
            bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
            shown = data_of(await client.get("/api/auth/sessions", headers=bearer))[0]["user_agent"]
        assert len(shown) == min(len(agent), 255), agent[:20]
        assert shown.isprintable(), agent[:20]


async def test_two_applications_with_different_keys_live_in_one_process(
    app: FastAPI, user: Account, make_app: Any
) -> None:
    other = make_app(jwt_secret_key="another-key-of-this-test-6Hd9sKw2Lq8Xz4")

    async with client_of(app) as here, client_of(other) as there:
        data_of(await here.get("/api/users/me", headers=user.headers))
        assert_failure(await there.get("/api/users/me", headers=user.headers), 401, "not_authenticated")
