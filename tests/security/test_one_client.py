"""One client is one client: for every limit per address, however the address is written and wherever in its network."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
from pydantic import ValidationError

from modules.auth.settings import Settings as AuthSettings
from shared.testing.envelope import assert_failure
from tests.auth.test_login import attempt
from tests.auth.test_register import registration
from tests.conftest import UNLIMITED, MakeApp, client_of, settings_for

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

PROXY = "10.1.2.3"
TRIES = 3

IsOneClient = Callable[..., Awaitable[bool]]

_numbers = count(1)

NETWORK = [f"2001:db8:0:1:{number:x}::{number}" for number in range(1, 7)]
IPV6 = ["2001:db8::9", "2001:DB8::9", "2001:db8:0:0::9", "[2001:db8::9]", "[2001:db8::9]:443", "2001:db8::9%eth0"]
IPV4 = ["1.2.3.4", "1.2.3.4:5678", "::ffff:1.2.3.4", "::ffff:102:304", "[::FFFF:1.2.3.4]:5678", "64:ff9b::102:304"]
SIX_TO_FOUR = ["1.2.3.4", *(f"2002:102:304:{number:x}::{number}" for number in range(5))]
JUNK = ["unknown", "_hidden", "1.2.3", "999.1.1.1", "2001:db8:::1", "x" * 300]


async def post(client: httpx.AsyncClient, limit: str) -> httpx.Response:
    """One try of what this setting limits, for another account each time."""
    email = f"nobody{next(_numbers)}@example.com"
    if limit in {"login_limit_per_address", "login_failure_limit_per_address"}:
        return await attempt(client, email, "wrong")
    path, body = {
        "register_limit_per_address": ("register", registration(email=email)),
        "mail_limit_per_address": ("password/forgot", {"email": email}),
        "refresh_limit_per_address": ("refresh", {"refresh_token": "none"}),
    }[limit]
    return await client.post(f"/api/auth/{path}", json=body)


def limits() -> list[str]:
    return [name for name in AuthSettings.model_fields if name.endswith("_limit_per_address")]


@pytest.fixture
def forwarded(make_app: MakeApp) -> IsOneClient:
    """Whether tries from these addresses, one from each, count as one client's."""

    async def is_one_client(limit: str, addresses: list[str], **settings: Any) -> bool:
        app = make_app(trusted_proxies=PROXY, auth=UNLIMITED | {limit: f"{TRIES}/hour"}, **settings)
        async with client_of(app, PROXY) as client:
            answers = []
            for address in addresses:
                client.headers["X-Forwarded-For"] = address
                answers.append(await post(client, limit))
        statuses = [answer.status_code for answer in answers]
        assert 429 not in statuses[:TRIES]
        if statuses[TRIES:] != [429] * (len(addresses) - TRIES):
            assert 429 not in statuses
            return False
        for answer in answers[TRIES:]:
            assert_failure(answer, 429, "too_many_requests")
        return True

    return is_one_client


@pytest.mark.parametrize("limit", limits())
async def test_item_16_a_network_is_one_client_for_every_limit(forwarded: IsOneClient, limit: str) -> None:
    assert await forwarded(limit, NETWORK)


@pytest.mark.parametrize("addresses", [IPV6, IPV4, SIX_TO_FOUR, JUNK], ids=["ipv6", "ipv4", "6to4", "junk"])
async def test_item_16_no_spelling_of_an_address_makes_another_client(
    forwarded: IsOneClient, addresses: list[str]
) -> None:
    assert await forwarded("login_failure_limit_per_address", addresses)


async def test_item_16_neighbours_are_other_clients(forwarded: IsOneClient) -> None:
    limit = "login_failure_limit_per_address"
    assert not await forwarded(limit, [f"2001:db8:0:{number:x}::9" for number in range(6)])
    assert not await forwarded(limit, [f"1.2.3.{number}" for number in range(6)])
    assert not await forwarded(limit, [f"64:ff9b::1.2.3.{number}" for number in range(6)])


async def test_the_size_of_a_network_is_a_setting(forwarded: IsOneClient) -> None:
    limit = "login_failure_limit_per_address"
    assert await forwarded(limit, [f"2001:db8:0:{number:x}::9" for number in range(6)], client_ipv6_prefix=56)
    assert not await forwarded(limit, NETWORK, client_ipv6_prefix=128)
    for prefix in (0, 31, 129):
        with pytest.raises(ValidationError):
            settings_for("sqlite:///./app.db", client_ipv6_prefix=prefix)
