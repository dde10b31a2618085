"""What a caller can learn about the own access: `GET /api/auth/me`."""

from typing import Any

import httpx2 as httpx
from fastapi import FastAPI

from modules.auth.container import Container
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.auth.recovery import change
from tests.auth.roles import by_default, make_role, set_roles
from tests.conftest import Account, log_in, sign_up
from tests.factories import RegisterRequestFactory

PROFILE = {"id", "email", "nickname", "is_active", "email_verified", "created_at", "updated_at"}


async def my_access(client: httpx.AsyncClient, user: Account) -> dict[str, Any]:
    data: dict[str, Any] = data_of(await client.get("/api/auth/me", headers=user.headers))
    return data


async def test_a_plain_user_learns_what_that_means(client: httpx.AsyncClient) -> None:
    user = await sign_up(client, RegisterRequestFactory.build(locale="zh"))

    access = await my_access(client, user)

    assert access.pop("authenticated_at").endswith("Z")
    assert access == {
        "user_id": user.id,
        "session_id": user.tokens["session_id"],
        "roles": ["user"],
        "permissions": sorted(by_default()),
        "must_change_password": False,
        "locale": "zh",
    }


async def test_an_administrator_learns_every_permission_there_is(client: httpx.AsyncClient, admin: Account) -> None:
    declared = data_of(await client.get("/api/auth/permissions", headers=admin.headers))

    access = await my_access(client, admin)

    assert access["permissions"] == sorted(permission["name"] for permission in declared)
    assert access["roles"] == ["admin", "user"]


async def test_a_change_shows_at_once(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    role = await make_role(client, admin, "users:user.read")
    data_of(await set_roles(client, admin, user.id, "user", role))
    data_of(await client.patch("/api/users/me", headers=user.headers, json={"locale": "zh"}))

    access = await my_access(client, user)
    assert access["roles"] == sorted(["user", role])
    assert access["permissions"] == sorted({"users:user.read", *by_default()})
    assert access["locale"] == "zh"

    data_of(await set_roles(client, admin, user.id))
    access = await my_access(client, user)
    assert (access["roles"], access["permissions"]) == ([], [])


async def test_whoever_has_to_change_the_password_learns_it_and_may_do_nothing_until_then(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    runtime: Runtime = app.state.runtime
    request = RegisterRequestFactory.build()
    async with runtime.shared.database().transaction() as session:
        made = await runtime.of(Container).registration_service().create_first_admin(session, request)
    root = Account(str(made.id), request.email, request.password, await log_in(client, request.email, request.password))

    access = await my_access(client, root)
    assert (access["must_change_password"], access["roles"]) == (True, ["admin", "user"])
    assert access["permissions"] == []

    data_of(await change(client, root, root.password))
    access = await my_access(client, root)
    assert access["must_change_password"] is False
    assert "users:user.write" in access["permissions"]


async def test_nobody_learns_anything_without_a_login(client: httpx.AsyncClient) -> None:
    assert_failure(await client.get("/api/auth/me"), 401, "not_authenticated")


async def test_the_profile_stays_as_the_contract_has_it(client: httpx.AsyncClient, user: Account) -> None:
    assert set(data_of(await client.get("/api/users/me", headers=user.headers))) == PROFILE
    answer = await client.patch("/api/users/me", headers=user.headers, json={"nickname": "Ada"})
    assert set(data_of(answer)) == PROFILE
