"""Limits, sessions and the audit trail go by the client that a trusted proxy names, never by what a client says."""

from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.container import Container as AuthContainer
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.conftest import MakeApp, client_of, sign_up
from tests.factories import RegisterRequestFactory

PROXY, STRANGER, CLIENT = "10.1.2.3", "203.0.113.7", "198.51.100.9"
LIMITED = {"login_failure_limit_per_address": "3/hour"}

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


class Caller:
    """Whoever is connected to the service: a proxy, or somebody who poses as one."""

    def __init__(self, app: FastAPI, address: str) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 4711)), base_url="http://test"
        )
        self._names = count(1)

    async def log_in(self, forwarded: str, **credentials: str) -> httpx.Response:
        """With each try for another account, so that only the address can be limited."""
        body = {"email": f"nobody{next(self._names)}@example.com", "password": "wrong"} | credentials
        headers = {"X-Forwarded-For": forwarded, "X-Real-IP": forwarded, "Forwarded": f"for={forwarded}"}
        return await self._client.post("/api/auth/login", headers=headers, json=body)

    async def get(self, path: str, tokens: dict[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return data_of(await self._client.get(path, headers=headers))


def forged(number: int) -> str:
    return f"192.0.2.{number}"


@pytest.mark.parametrize("proxies", ["", "10.0.0.0/8"])
async def test_item_77_who_names_another_client_each_time_is_still_limited(make_app: MakeApp, proxies: str) -> None:
    stranger = Caller(make_app(trusted_proxies=proxies, auth=LIMITED), STRANGER)

    for number in range(3):
        assert_failure(await stranger.log_in(forged(number)), 401, "invalid_credentials")
    for number in range(3, 9):
        assert_failure(await stranger.log_in(forged(number)), 429, "too_many_requests")
        assert_failure(await stranger.log_in(f"{forged(number)}, {PROXY}"), 429, "too_many_requests")


async def test_item_77_behind_a_proxy_too_what_a_client_writes_in_front_helps_it_nothing(make_app: MakeApp) -> None:
    proxy = Caller(make_app(trusted_proxies="10.0.0.0/8", auth=LIMITED), PROXY)

    for number in range(3):
        assert_failure(await proxy.log_in(f"{forged(number)}, {STRANGER}"), 401, "invalid_credentials")
    for number in range(3, 9):
        assert_failure(await proxy.log_in(f"{forged(number)}, {STRANGER}"), 429, "too_many_requests")
    # Others behind the same proxy are not made to pay for it.
    assert_failure(await proxy.log_in(CLIENT), 401, "invalid_credentials")


@pytest.mark.parametrize(("proxies", "address"), [("", PROXY), ("10.0.0.0/8", CLIENT)])
async def test_item_77_sessions_and_the_audit_trail_name_the_same_client(
    make_app: MakeApp, proxies: str, address: str
) -> None:
    app = make_app(trusted_proxies=proxies)
    runtime: Runtime = app.state.runtime
    admin = RegisterRequestFactory.build()
    await runtime.of(AuthContainer).registration_service().create_admin(admin)
    proxy = Caller(app, PROXY)

    answer = await proxy.log_in(f"{forged(1)}, {CLIENT}", email=admin.email, password=admin.password)

    tokens = data_of(answer)
    assert [one["ip"] for one in await proxy.get("/api/auth/sessions", tokens)] == [address]
    (event,) = (await proxy.get("/api/auth/audit?event=login_succeeded", tokens))["items"]
    assert event["ip"] == address


@pytest.mark.parametrize(("written", "shown"), [("[::FFFF:1.2.3.4]:443", "1.2.3.4"), ("_hidden", None)])
async def test_item_77_what_is_shown_of_a_client_is_an_address_in_one_spelling(
    make_app: MakeApp, written: str, shown: str | None
) -> None:
    app = make_app(trusted_proxies=PROXY)
    async with client_of(app) as client:
        user = await sign_up(client)
    proxy = Caller(app, PROXY)

    tokens = data_of(await proxy.log_in(written, email=user.email, password=user.password))

    assert [one["ip"] for one in await proxy.get("/api/auth/sessions", tokens)] == [shown, "127.0.0.1"]
