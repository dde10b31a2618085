import asyncio
from typing import Any

import httpx2 as httpx

from tests.api.envelope import assert_failure, data_of, input_errors
from tests.auth.test_refresh import is_logged_in, refresh
from tests.conftest import Account, MakeApp, client_of, log_in, sign_up


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
    assert_failure(await client.post("/api/auth/logout"), 401, "not_authenticated")


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
