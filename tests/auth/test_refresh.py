import asyncio
from typing import Any
from uuid import UUID

import httpx2 as httpx
from fastapi import FastAPI

from modules.auth.models import LoginSession
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.api.failing import failing_commits
from tests.conftest import Account, MakeApp, MovableClock, client_of, sign_up


async def refresh(client: httpx.AsyncClient, token: object) -> httpx.Response:
    return await client.post("/api/auth/refresh", json={"refresh_token": token})


async def is_logged_in(client: httpx.AsyncClient, tokens: dict[str, Any]) -> bool:
    answer = await client.get("/api/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    if answer.status_code == 200:
        return True
    assert_failure(answer, 401, "not_authenticated")
    return False


async def stored_session(app: FastAPI, tokens: dict[str, Any]) -> LoginSession:
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().read() as session:
        return await session.get_one(LoginSession, UUID(tokens["session_id"]))


async def test_item_35_a_refresh_gives_new_tokens_of_the_same_session(client: httpx.AsyncClient, user: Account) -> None:
    answer = await refresh(client, user.tokens["refresh_token"])

    renewed = data_of(answer)
    assert set(renewed) == set(user.tokens)
    assert renewed["session_id"] == user.tokens["session_id"]
    assert renewed["refresh_token"] != user.tokens["refresh_token"]
    assert renewed["access_token"] != user.tokens["access_token"]
    assert answer.headers["cache-control"] == "no-store"
    assert await is_logged_in(client, renewed)


async def test_item_35_tokens_can_be_renewed_again_and_again(client: httpx.AsyncClient, user: Account) -> None:
    tokens, seen = user.tokens, set()
    for _ in range(12):
        tokens = data_of(await refresh(client, tokens["refresh_token"]))
        seen.add(tokens["refresh_token"])

    assert len(seen) == 12
    assert await is_logged_in(client, tokens)


async def test_item_38_within_the_grace_the_same_token_gives_the_same_successor(
    app: FastAPI, client: httpx.AsyncClient, clock: MovableClock
) -> None:
    user = await sign_up(client)
    first = data_of(await refresh(client, user.tokens["refresh_token"]))
    clock.advance(seconds=9)
    again = data_of(await refresh(client, user.tokens["refresh_token"]))

    assert again["refresh_token"] == first["refresh_token"]
    assert (await stored_session(app, user.tokens)).counter == 1
    assert await is_logged_in(client, first)
    assert data_of(await refresh(client, first["refresh_token"]))


async def test_item_38_twenty_refreshes_at_once_all_get_the_same_successor(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    answers = await asyncio.gather(*(refresh(client, user.tokens["refresh_token"]) for _ in range(20)))

    renewed = [data_of(answer) for answer in answers]
    assert len({one["refresh_token"] for one in renewed}) == 1
    assert renewed[0]["refresh_token"] != user.tokens["refresh_token"]
    assert (await stored_session(app, user.tokens)).counter == 1
    for one in renewed:
        assert await is_logged_in(client, one)


async def test_item_39_without_a_grace_one_of_twenty_refreshes_at_once_succeeds(make_app: MakeApp) -> None:
    app = make_app(auth={"refresh_grace": 0})
    async with client_of(app) as client:
        user = await sign_up(client)
        answers = await asyncio.gather(*(refresh(client, user.tokens["refresh_token"]) for _ in range(20)))

    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == 19
    for answer in refused:
        assert_failure(answer, 401, "invalid_refresh_token")
    assert (await stored_session(app, user.tokens)).counter == 1


async def test_refreshes_of_different_sessions_do_not_touch_each_other(client: httpx.AsyncClient) -> None:
    users = [await sign_up(client) for _ in range(5)]

    answers = await asyncio.gather(*(refresh(client, user.tokens["refresh_token"]) for user in users * 2))

    assert len({data_of(answer)["refresh_token"] for answer in answers}) == 5


async def test_a_token_that_was_tampered_with_is_refused_and_ends_nothing(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    genuine = user.tokens["refresh_token"]
    version, session, counter, mac = genuine.split(".")
    other_session, other_mac = (admin.tokens["refresh_token"].split(".")[part] for part in (1, 3))
    tampered = [
        f"{version}.{session}.1.{mac}",
        f"{version}.{session}.00.{mac}",
        f"{version}.{session}.+0.{mac}",
        f"{version}.{session}.-0.{mac}",
        f"{version}.{session}.\u0660.{mac}",
        f"{version}.{session}.{2**63}.{mac}",
        f"{version}.{session}.{'9' * 300}.{mac}",
        f"{version}.{session}..{mac}",
        f"rt2.{session}.{counter}.{mac}",
        f"{version}.{session.upper()}.{counter}.{mac}",
        f"{version}.{session.replace('-', '')}.{counter}.{mac}",
        f"{version}.{other_session}.{counter}.{mac}",
        f"{version}.{session}.{counter}.{other_mac}",
        f"{version}.00000000-0000-7000-8000-000000000000.{counter}.{mac}",
        f"{version}.{session}.{counter}.{mac[::-1]}",
        f"{version}.{session}.{counter}.{mac[:-2]}",
        f"{version}.{session}.{counter}.{mac}AAAA",
        f"{version}.{session}.{counter}.",
        f"{version}.{session}.{counter}",
        f"{genuine}.x",
        f"Bearer {genuine}",
        genuine.swapcase(),
        "....",
        "x",
        "\u0000",
        "\U0001f600",
    ]
    assert len(set(tampered)) == len(tampered)
    for token in tampered:
        answer = await refresh(client, token)
        assert answer.status_code == 401, f"{token}: {answer.text}"
        assert_failure(answer, 401, "invalid_refresh_token")

    assert data_of(await refresh(client, genuine))


async def test_what_is_no_text_is_no_token(client: httpx.AsyncClient) -> None:
    wrong: list[object] = [None, 1, [], {}, "", "x" * 501]
    for token in wrong:
        assert [loc for loc, _ in input_errors(await refresh(client, token))] == [("body", "refresh_token")]


async def test_item_40_a_commit_that_fails_neither_uses_the_token_up_nor_ends_the_session(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    with failing_commits(app) as failed:
        answer = await refresh(client, user.tokens["refresh_token"])
    assert failed
    assert_failure(answer, 503, "unavailable")
    assert (await stored_session(app, user.tokens)).counter == 0

    renewed = data_of(await refresh(client, user.tokens["refresh_token"]))

    assert await is_logged_in(client, renewed)
    assert (await stored_session(app, user.tokens)).counter == 1
