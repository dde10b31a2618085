import asyncio
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.auth.roles import audited
from tests.auth.test_refresh import is_logged_in, refresh
from tests.conftest import Account, MakeApp, MovableClock, client_of, log_in, sign_up


async def log_out(client: httpx.AsyncClient, tokens: dict[str, Any], **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return await client.post("/api/auth/logout", headers=headers, **body)


async def is_over(client: httpx.AsyncClient, tokens: dict[str, Any]) -> bool:
    """Whether both tokens are dead; they must agree."""
    alive = await is_logged_in(client, tokens)
    answer = await refresh(client, tokens["refresh_token"])
    assert (answer.status_code == 200) is alive, answer.text
    if not alive:
        assert_failure(answer, 401, "invalid_refresh_token")
    return not alive


async def sessions(client: httpx.AsyncClient, user: Account) -> list[dict[str, Any]]:
    return [user.tokens, *[await log_in(client, user.email, user.password) for _ in range(2)]]


async def test_item_43_a_logout_ends_this_session_and_no_other(client: httpx.AsyncClient, user: Account) -> None:
    this, *others = await sessions(client, user)

    answer = await log_out(client, this)

    assert data_of(answer) is None
    assert await is_over(client, this)
    assert [await is_over(client, other) for other in others] == [False, False]


async def test_this_is_what_a_logout_means_by_itself(client: httpx.AsyncClient, user: Account) -> None:
    bodies: list[dict[str, Any]] = [{}, {"content": b""}, {"json": {}}, {"json": {"scope": "this"}}, {"json": None}]
    for body in bodies:
        this, other = await log_in(client, user.email, user.password), await log_in(client, user.email, user.password)
        data_of(await log_out(client, this, **body))
        assert await is_over(client, this)
        assert not await is_over(client, other)


async def test_item_43_the_others_can_be_ended(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    this, *others = await sessions(client, user)

    assert data_of(await log_out(client, this, json={"scope": "others"})) is None

    assert not await is_over(client, this)
    assert [await is_over(client, other) for other in others] == [True, True]
    assert not await is_over(client, admin.tokens)


async def test_item_43_all_can_be_ended(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    everything = await sessions(client, user)

    assert data_of(await log_out(client, everything[1], json={"scope": "all"})) is None

    assert [await is_over(client, one) for one in everything] == [True] * 3
    assert not await is_over(client, admin.tokens)
    assert await log_in(client, user.email, user.password)


async def test_item_43_the_tokens_that_a_refresh_replaced_die_with_the_session(
    client: httpx.AsyncClient, user: Account
) -> None:
    renewed = data_of(await refresh(client, user.tokens["refresh_token"]))

    data_of(await log_out(client, user.tokens))

    assert await is_over(client, renewed)
    assert await is_over(client, user.tokens)


async def test_item_43_logging_out_twice_is_no_fault_of_the_service(client: httpx.AsyncClient, user: Account) -> None:
    answers = await asyncio.gather(*(log_out(client, user.tokens) for _ in range(5)))

    assert {answer.status_code for answer in answers} <= {200, 401}
    assert_failure(await log_out(client, user.tokens), 401, "not_authenticated")


async def test_nobody_logs_out_without_a_token(client: httpx.AsyncClient) -> None:
    for body in (None, {}, {"scope": "all"}, {"refresh_token": None}):
        answer = await client.post("/api/auth/logout", json=body)
        assert_failure(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    answer = await client.post("/api/auth/logout", headers={"Authorization": "Bearer x"})
    assert_failure(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def log_out_with(client: httpx.AsyncClient, token: Any, **sent: Any) -> httpx.Response:
    """By the refresh token."""
    return await client.post("/api/auth/logout", json={"refresh_token": token}, **sent)


async def test_item_43_the_refresh_token_alone_is_enough(client: httpx.AsyncClient, user: Account) -> None:
    this, *others = await sessions(client, user)

    assert data_of(await log_out_with(client, this["refresh_token"])) is None

    assert await is_over(client, this)
    assert [await is_over(client, other) for other in others] == [False, False]


async def test_item_43_an_access_token_that_is_over_keeps_nobody_from_logging_out(
    client: httpx.AsyncClient, clock: MovableClock
) -> None:
    user = await sign_up(client)
    clock.advance(minutes=20)
    assert_failure(await log_out(client, user.tokens), 401, "not_authenticated")

    for headers in (user.headers, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp4"}):
        data_of(await log_out_with(client, user.tokens["refresh_token"], headers=headers))

    assert await is_over(client, user.tokens)


async def test_item_43_any_refresh_token_of_the_session_ends_it_again_and_again(
    client: httpx.AsyncClient, user: Account
) -> None:
    renewed = data_of(await refresh(client, user.tokens["refresh_token"]))

    for _ in range(2):
        for tokens in (user.tokens, renewed):
            assert data_of(await log_out_with(client, tokens["refresh_token"])) is None

    assert await is_over(client, renewed)


async def test_a_refresh_token_ends_its_own_session_whoever_is_logged_in(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    data_of(await log_out_with(client, user.tokens["refresh_token"], headers=admin.headers))

    assert await is_over(client, user.tokens)
    assert not await is_over(client, admin.tokens)


async def test_a_refresh_token_ends_no_other_session(client: httpx.AsyncClient, user: Account) -> None:
    for scope in ("all", "others"):
        body = {"refresh_token": user.tokens["refresh_token"], "scope": scope}
        input_errors(await client.post("/api/auth/logout", json=body))
    assert not await is_over(client, user.tokens)

    body = {"refresh_token": user.tokens["refresh_token"], "scope": "this"}
    data_of(await client.post("/api/auth/logout", json=body))


async def test_what_is_no_refresh_token_logs_nobody_out(client: httpx.AsyncClient, user: Account) -> None:
    token = user.tokens["refresh_token"]
    version, session_id, counter, mac = token.split(".")
    stranger = (await sign_up(client)).tokens["refresh_token"]
    forged = [
        f"{version}.{session_id}.{counter}.{mac[:-2]}AA",
        f"{version}.{session_id}.7.{mac}",
        f"{version}.{stranger.split('.')[1]}.{counter}.{mac}",
        f"{version}.{uuid4()}.{counter}.{mac}",
        user.tokens["access_token"],
        "x",
    ]
    for bad in forged:
        assert_failure(await log_out_with(client, bad), 401, "invalid_refresh_token")
        assert_failure(await log_out_with(client, bad, headers=user.headers), 401, "invalid_refresh_token")
    for nothing in ("", 1, ["x"], "x" * 501):
        input_errors(await log_out_with(client, nothing))
    assert_failure(await log_out_with(client, None), 401, "not_authenticated")

    assert not await is_over(client, user.tokens)


async def test_a_refresh_token_of_somebody_who_is_gone_is_none(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    data_of(await client.delete(f"/api/users/{user.id}", headers=admin.headers))

    assert_failure(await log_out_with(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")


async def test_logging_out_by_the_refresh_token_is_limited(make_app: MakeApp) -> None:
    async with client_of(make_app(auth={"refresh_limit_per_address": "3/minute"})) as client:
        user = await sign_up(client)
        answers = [await log_out_with(client, user.tokens["refresh_token"]) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200] * 3 + [429]


async def test_a_logout_by_the_refresh_token_is_noted_once(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    for _ in range(2):
        data_of(await log_out_with(client, user.tokens["refresh_token"]))

    (event,) = await audited(client, admin, user_id=user.id, event="logged_out")
    assert (event["actor_id"], event["session_id"]) == (None, user.tokens["session_id"])
    assert event["details"] == {"scope": "this"}


async def test_an_unknown_scope_ends_nothing(client: httpx.AsyncClient, user: Account) -> None:
    for body in ({"scope": "everything"}, {"scope": None}, {"scope": ["all"]}, {"scope": "all", "user_id": user.id}):
        input_errors(await log_out(client, user.tokens, json=body))

    assert not await is_over(client, user.tokens)


async def test_item_43_a_logout_bites_in_every_other_process(make_app: MakeApp, client: httpx.AsyncClient) -> None:
    user = await sign_up(client)
    async with client_of(make_app()) as elsewhere:
        assert await is_logged_in(elsewhere, user.tokens)
        data_of(await log_out(client, user.tokens))
        assert await is_over(elsewhere, user.tokens)
