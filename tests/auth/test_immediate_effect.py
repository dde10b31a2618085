"""What happens to an account bites on its next request, whatever its tokens say."""

from uuid import UUID

import httpx2 as httpx
from fastapi import FastAPI
from sqlalchemy import delete

from modules.auth.models import ADMIN, Role, RolePermission, UserRole
from shared.container import Runtime
from shared.database import Database
from shared.testing.envelope import assert_failure, data_of
from tests.auth.test_logout import is_over
from tests.auth.test_refresh import is_logged_in
from tests.conftest import Account, MakeApp, client_of, log_in, sign_up


async def switch(client: httpx.AsyncClient, admin: Account, user: Account, *, to: str) -> None:
    data_of(await client.post(f"/api/users/{user.id}/{to}", headers=admin.headers))


async def test_item_44_a_deactivation_ends_all_sessions(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    another = await log_in(client, user.email, user.password)

    await switch(client, admin, user, to="deactivate")

    assert await is_over(client, user.tokens)
    assert await is_over(client, another)
    assert not await is_over(client, admin.tokens)


async def test_item_44_an_activation_does_not_bring_the_old_sessions_back(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    await switch(client, admin, user, to="deactivate")
    await switch(client, admin, user, to="activate")

    assert await is_over(client, user.tokens)
    user.tokens = await log_in(client, user.email, user.password)
    sessions = data_of(await client.get("/api/auth/sessions", headers=user.headers))
    assert [session["id"] for session in sessions] == [user.tokens["session_id"]]


async def test_a_role_bites_on_the_next_request(app: FastAPI, client: httpx.AsyncClient, user: Account) -> None:
    assert_failure(await client.get("/api/users", headers=user.headers), 403, "permission_denied")

    await _add(app, UserRole(user_id=UUID(user.id), role_name=ADMIN))
    assert data_of(await client.get("/api/users", headers=user.headers))["items"]

    async with _database(app).transaction() as session:
        await session.execute(delete(UserRole).where(UserRole.role_name == ADMIN))
    assert_failure(await client.get("/api/users", headers=user.headers), 403, "permission_denied")


async def test_a_role_opens_what_its_permissions_say_and_no_more(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    await _add(app, Role(name="reader", description="Sees everybody."))
    await _add(app, RolePermission(role_name="reader", permission="users:user.read"))
    await _add(app, UserRole(user_id=UUID(user.id), role_name="reader"))
    try:
        data_of(await client.get("/api/users", headers=user.headers))
        data_of(await client.get(f"/api/users/{user.id}", headers=user.headers))
        new = {"email": "new@example.com"}
        assert_failure(await client.post("/api/users", json=new, headers=user.headers), 403, "permission_denied")
    finally:
        # Roles stay in the tables that tests share.
        async with _database(app).transaction() as session:
            await session.execute(delete(Role).where(Role.name == "reader"))


async def test_item_47_beyond_the_cap_the_oldest_session_ends(make_app: MakeApp) -> None:
    async with client_of(make_app(auth={"sessions_per_user": 3})) as client:
        user, other = await sign_up(client), await sign_up(client)
        sessions = [user.tokens, *[await log_in(client, user.email, user.password) for _ in range(4)]]

        assert [await is_over(client, one) for one in sessions] == [True, True, False, False, False]
        assert not await is_over(client, other.tokens)


async def test_item_47_the_cap_is_twenty(client: httpx.AsyncClient, user: Account) -> None:
    for _ in range(19):
        last = await log_in(client, user.email, user.password)
    assert await is_logged_in(client, user.tokens)

    newest = await log_in(client, user.email, user.password)

    assert await is_over(client, user.tokens)
    assert not await is_over(client, last)
    assert not await is_over(client, newest)


def _database(app: FastAPI) -> Database:
    runtime: Runtime = app.state.runtime
    return runtime.shared.database()


async def _add(app: FastAPI, row: Role | RolePermission | UserRole) -> None:
    async with _database(app).transaction() as session:
        session.add(row)
