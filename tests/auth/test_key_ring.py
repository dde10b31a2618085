from typing import Any

import httpx2 as httpx
import jwt

from shared.testing.applications import SECRET
from shared.testing.envelope import assert_failure, data_of
from tests.conftest import Account, MakeApp, client_of, log_in

NEW = "the-next-key-of-these-tests-9Bd3Xk7Wq2Rv5Zt"


async def me(client: httpx.AsyncClient, tokens: dict[str, Any]) -> httpx.Response:
    return await client.get("/api/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})


async def refresh(client: httpx.AsyncClient, tokens: dict[str, Any]) -> httpx.Response:
    return await client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def key_id(tokens: dict[str, Any]) -> str:
    return str(jwt.get_unverified_header(tokens["access_token"])["kid"])


async def test_item_31_a_new_key_in_front_of_the_old_one_logs_nobody_out(make_app: MakeApp, user: Account) -> None:
    async with client_of(make_app(jwt_secret_key=f"{NEW}, {SECRET}")) as client:
        assert data_of(await me(client, user.tokens))["id"] == user.id
        renewed = data_of(await refresh(client, user.tokens))
        assert data_of(await me(client, renewed))["id"] == user.id
        logged_in = await log_in(client, user.email, user.password)

    assert key_id(renewed) == key_id(logged_in) != key_id(user.tokens)


async def test_item_31_without_the_old_key_only_the_new_tokens_count(make_app: MakeApp, user: Account) -> None:
    async with client_of(make_app(jwt_secret_key=f"{NEW},{SECRET}")) as client:
        renewed = await log_in(client, user.email, user.password)

    async with client_of(make_app(jwt_secret_key=NEW)) as client:
        assert_failure(await me(client, user.tokens), 401, "not_authenticated")
        assert_failure(await refresh(client, user.tokens), 401, "invalid_refresh_token")
        assert data_of(await me(client, renewed))["id"] == user.id
        assert data_of(await refresh(client, renewed))


async def test_a_foreign_refresh_token_does_not_end_the_session_it_names(
    client: httpx.AsyncClient, make_app: MakeApp, user: Account
) -> None:
    async with client_of(make_app(jwt_secret_key=NEW)) as other:
        assert_failure(await refresh(other, user.tokens), 401, "invalid_refresh_token")

    assert data_of(await refresh(client, user.tokens))
