from typing import Any
from uuid import uuid4

import httpx2 as httpx

from shared.testing.envelope import assert_failure, data_of
from tests.conftest import Account

BELOW_ADMIN = [
    ("GET", ""),
    ("POST", ""),
    ("GET", "/{id}"),
    ("PATCH", "/{id}"),
    ("POST", "/{id}/deactivate"),
    ("POST", "/{id}/activate"),
]
OWN = [("GET", "/me"), ("PATCH", "/me")]
BODIES: list[dict[str, Any]] = [{}, {"json": {"email": "a@x.io"}}, {"content": b"{"}]


async def test_item_50_a_plain_user_may_do_nothing_of_an_administrator(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    # Neither the own id, nor another's, nor nobody's, nor a bad body makes a difference.
    for method, path in BELOW_ADMIN:
        for user_id in (user.id, admin.id, uuid4(), "nobody"):
            for body in BODIES:
                url = "/api/users" + path.format(id=user_id)
                answer = await client.request(method, url, headers=user.headers, **body)
                assert_failure(answer, 403, "permission_denied")

    assert data_of(await client.get("/api/users/me", headers=admin.headers))["is_active"]


async def test_nobody_may_do_anything_without_a_token(client: httpx.AsyncClient) -> None:
    for method, path in BELOW_ADMIN + OWN:
        for body in BODIES:
            answer = await client.request(method, "/api/users" + path.format(id=uuid4()), **body)
            assert_failure(answer, 401, "not_authenticated")


async def test_an_administrator_passes_every_one_of_these_doors(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    for method, path in BELOW_ADMIN + OWN:
        url = "/api/users" + path.format(id=user.id)
        answer = await client.request(method, url, headers=admin.headers, json={"nickname": "Ada"})
        # A creation without an address: past the door, and then refused.
        assert answer.status_code == (422 if (method, path) == ("POST", "") else 200), f"{method} {url}: {answer.text}"
