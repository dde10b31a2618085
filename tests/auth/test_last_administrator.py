"""There is always an active administrator, whatever is tried, one after the other or all at once."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations, product
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from modules.auth.models import ADMIN, UserRole
from modules.auth.roles.administrators import grant_role
from modules.users import User
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.auth.roles import audited, set_roles, sign_up_admin, sign_up_equal
from tests.conftest import Account, MakeApp, log_in, sign_up

Way = Callable[[httpx.AsyncClient, Account, Account], Awaitable[httpx.Response]]


async def demote(client: httpx.AsyncClient, by: Account, whom: Account) -> httpx.Response:
    return await set_roles(client, by, whom.id, "user")


async def deactivate(client: httpx.AsyncClient, by: Account, whom: Account) -> httpx.Response:
    return await client.post(f"/api/users/{whom.id}/deactivate", headers=by.headers)


async def activate(client: httpx.AsyncClient, by: Account, whom: Account) -> httpx.Response:
    return await client.post(f"/api/users/{whom.id}/activate", headers=by.headers)


async def delete(client: httpx.AsyncClient, by: Account, whom: Account) -> httpx.Response:
    return await client.delete(f"/api/users/{whom.id}", headers=by.headers)


async def promote(client: httpx.AsyncClient, by: Account, whom: Account) -> httpx.Response:
    return await set_roles(client, by, whom.id, "admin", "user")


async def revoke(client: httpx.AsyncClient, by: Account, whom: Account) -> httpx.Response:
    return await client.delete(f"/api/auth/users/{whom.id}/sessions", headers=by.headers)


WAYS: list[Way] = [demote, deactivate, delete]


@pytest.fixture
async def app(make_app: MakeApp) -> FastAPI:
    """For many logins at once."""
    limits = (
        "register_limit_per_address",
        "login_limit_per_address",
        "login_failure_limit_per_address",
        "login_failure_limit_per_account",
    )
    return make_app(auth=dict.fromkeys(limits, "none") | {"sessions_per_user": 2})


async def active_administrators(app: FastAPI) -> set[UUID]:
    query = select(User.id).join(UserRole, UserRole.user_id == User.id)
    async with app.state.runtime.shared.database().read() as session:
        return set(await session.scalars(query.where(UserRole.role_name == ADMIN, User.is_active.is_(True))))


def is_no_fault_of_ours(answer: httpx.Response) -> bool:
    return answer.status_code < 500 or pytest.fail(answer.text)


@pytest.mark.parametrize("way", WAYS)
async def test_item_55_the_last_administrator_cannot_go(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, user: Account, way: Way
) -> None:
    gone = await sign_up_admin(client, admin)
    equal = await sign_up_equal(client, admin)
    data_of(await deactivate(client, admin, gone))

    for by in (admin, equal):
        assert_failure(await way(client, by, admin), 409, "last_admin")

    assert await active_administrators(app) == {UUID(admin.id)}
    assert data_of(await client.get("/api/users/me", headers=admin.headers))["is_active"]
    # Nothing was done halfway, and nothing was noted that was not done.
    for event in ("roles_assigned", "account_deactivated", "account_deleted"):
        assert admin.id not in [one["user_id"] for one in await audited(client, admin, event=event)]


@pytest.mark.parametrize("way", WAYS)
async def test_others_can_go(app: FastAPI, client: httpx.AsyncClient, admin: Account, user: Account, way: Way) -> None:
    second, inactive = await sign_up_admin(client, admin), await sign_up_admin(client, admin)
    data_of(await deactivate(client, admin, inactive))

    for other in (user, second, inactive):
        data_of(await way(client, admin, other))

    assert await active_administrators(app) == {UUID(admin.id)}


@pytest.mark.parametrize("way", WAYS)
async def test_an_administrator_can_go_when_another_one_stays(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, way: Way
) -> None:
    second = await sign_up_admin(client, admin)

    data_of(await way(client, admin, admin))

    assert await active_administrators(app) == {UUID(second.id)}
    assert_failure(await way(client, second, second), 409, "last_admin")


@pytest.mark.parametrize("is_mutual", [True, False])
async def test_item_55_of_two_administrators_who_go_at_once_one_stays(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, is_mutual: bool
) -> None:
    one, other = admin, await sign_up_admin(client, admin)
    for way, back in list(product(WAYS, WAYS)) * 3:
        targets = (other, one) if is_mutual else (one, other)

        answers = await asyncio.gather(way(client, one, targets[0]), back(client, other, targets[1]))

        assert sorted(answer.status_code == 200 for answer in answers) == [False, True]
        # The loser is told so, or had lost the right already when asking.
        assert {answer.status_code for answer in answers} <= {200, 401, 403, 409}
        (stayed,) = await active_administrators(app)
        one = one if one.id == str(stayed) else other
        other = await sign_up_admin(client, one)


async def test_item_55_twenty_administrators_at_once_leave_one_at_least(
    app: FastAPI, client: httpx.AsyncClient, admin: Account
) -> None:
    circle = [admin, *[await sign_up_admin(client, admin) for _ in range(9)]]
    for turn in range(4):
        answers = await asyncio.gather(
            *(WAYS[(n + turn) % 3](client, one, circle[n - 1]) for n, one in enumerate(circle)),
            *(demote(client, one, one) for one in circle),
            *(promote(client, one, circle[n - 2]) for n, one in enumerate(circle)),
        )

        assert all(map(is_no_fault_of_ours, answers))
        stayed = await active_administrators(app)
        assert stayed
        circle = [one for one in circle if UUID(one.id) in stayed]
        for one in circle:
            one.tokens = await log_in(client, one.email, one.password)
        circle += [await sign_up_admin(client, circle[0]) for _ in range(10 - len(circle))]


async def test_item_55_an_administrator_who_steps_down_leaves_an_active_successor(
    app: FastAPI, client: httpx.AsyncClient, admin: Account
) -> None:
    runtime: Runtime = app.state.runtime
    keeper, successor = await sign_up_equal(client, admin), await sign_up(client)
    for promoting, deactivating, stepping_down in list(permutations(range(3))) * 4:
        order = {promoting: promote(client, admin, successor), deactivating: deactivate(client, keeper, successor)}
        order[stepping_down] = demote(client, admin, admin)

        answers = await asyncio.gather(*(order[n] for n in range(3)))

        assert all(map(is_no_fault_of_ours, answers))
        assert await active_administrators(app)
        async with runtime.shared.database().transaction() as session:
            await grant_role(session, UUID(admin.id), ADMIN, runtime.shared.clock()())
        data_of(await activate(client, keeper, successor))
        data_of(await demote(client, admin, successor))


async def test_logins_and_deactivations_do_not_wait_for_each_other_in_a_circle(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    credentials = {"email": user.email, "password": user.password}
    for _ in range(5):
        answers = await asyncio.gather(
            *(client.post("/api/auth/login", json=credentials) for _ in range(12)),
            *(way(client, admin, user) for way in (deactivate, activate, promote, demote, revoke) * 3),
        )
        assert all(map(is_no_fault_of_ours, answers))


@pytest.mark.parametrize("way", [deactivate, promote, demote, delete, revoke])
async def test_a_user_is_deleted_while_something_else_happens(
    client: httpx.AsyncClient, admin: Account, way: Way
) -> None:
    for _ in range(5):
        user = await sign_up(client)
        answers = await asyncio.gather(*(do(client, admin, user) for do in (delete, way, way, delete, way)))

        assert {answer.status_code for answer in answers} <= {200, 404}, [answer.text for answer in answers]
        assert_failure(await client.get(f"/api/users/{user.id}", headers=admin.headers), 404, "user_not_found")
