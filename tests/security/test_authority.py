"""Who may not take a role from somebody does not get at its holder by another door either."""

from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.users.container import Container
from shared.assembly.discovery import discover
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.auth.roles import audited, make_role, set_roles, sign_up_admin, sign_up_equal, sign_up_with
from tests.auth.test_last_administrator import activate, deactivate, delete, revoke
from tests.auth.test_logout import is_over
from tests.auth.test_refresh import is_logged_in
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up
from tests.security.operations import Operation, operations_of

SQLITE_ONLY = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
SAFE = {"GET", "HEAD"}


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED)


async def rename(client: httpx.AsyncClient, by: Account, whom: Account, nickname: str = "Ada") -> httpx.Response:
    return await client.patch(f"/api/users/{whom.id}", headers=by.headers, json={"nickname": nickname})


WAYS = [rename, revoke, deactivate, activate, delete]


async def picture(client: httpx.AsyncClient, admin: Account, whom: Account) -> list[Any]:
    """What there is to see of an account."""
    seen = [f"/api/users/{whom.id}", f"/api/auth/users/{whom.id}/roles"]
    answers = [(await client.get(url, headers=admin.headers)).json()["data"] for url in seen]
    return [await is_logged_in(client, whom.tokens), *answers]


async def trespasses(app: FastAPI, client: httpx.AsyncClient, admin: Account) -> list[str]:
    """The operations with which whoever may call them, and nothing else, changes an administrator's account."""
    found = []
    for operation in operations_on_users(app):
        assert operation.permissions
        lesser, target = await sign_up_with(client, admin, *operation.permissions), await sign_up_admin(client, admin)
        data_of(await rename(client, admin, target))
        before = await picture(client, admin, target)

        await client.request(
            operation.method,
            operation.url(user_id=target.id),
            headers=lesser.headers,
            json=operation.sample(everything=True) if operation.body else None,
        )

        if await picture(client, admin, target) != before:
            found.append(str(operation))
    return found


def operations_on_users(app: FastAPI) -> list[Operation]:
    return [
        one for one in operations_of(app) if one.permissions and one.method not in SAFE and "user_id" in one.parameters
    ]


@pytest.mark.module_rules
@SQLITE_ONLY
async def test_item_55_no_operation_of_any_module_lets_a_lesser_caller_act_on_an_administrator(
    app: FastAPI, client: httpx.AsyncClient, admin: Account
) -> None:
    assert len(operations_on_users(app)) >= len(WAYS) + 1

    assert await trespasses(app, client, admin) == []


@SQLITE_ONLY
async def test_an_operation_that_does_not_ask_would_be_found(make_app: MakeApp, admin: Account) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.wardens"), auth=UNLIMITED)
    async with client_of(app) as client:
        found = await trespasses(app, client, admin)

    assert found == ["POST /api/wardens/{user_id}/mute-unasked"]


@pytest.mark.parametrize("way", WAYS)
async def test_item_55_whoever_may_do_more_than_the_caller_is_out_of_reach(
    client: httpx.AsyncClient, admin: Account, way: Any
) -> None:
    manager = await sign_up_with(client, admin, "users:user.read", "users:user.write", "auth:session.revoke")
    auditor = await sign_up_with(client, admin, "auth:audit.read")
    shut_out = await sign_up_admin(client, admin)
    data_of(await deactivate(client, admin, shut_out))

    # The last one of those who can log in, too: the answer tells nothing about the others.
    for target in (admin, auditor, shut_out):
        before = await picture(client, admin, target)
        assert_failure(await way(client, manager, target), 403, "cannot_grant")
        assert await picture(client, admin, target) == before
        assert manager.id not in [event["actor_id"] for event in await audited(client, admin, user_id=target.id)]

    # A right that is taken away no longer protects its holder.
    data_of(await set_roles(client, admin, auditor.id, "user"))
    data_of(await way(client, manager, auditor))


@pytest.mark.parametrize("way", WAYS)
async def test_everybody_else_is_within_reach(
    client: httpx.AsyncClient, admin: Account, user: Account, way: Any
) -> None:
    rights = await make_role(client, admin, "users:user.write", "auth:session.revoke")
    manager, peer = await sign_up(client), await sign_up(client)
    for one in (manager, peer):
        data_of(await set_roles(client, admin, one.id, "user", rights))
    equal = await sign_up_equal(client, admin)

    data_of(await way(client, manager, user))
    data_of(await way(client, manager, peer))
    # Who holds everything without the role itself.
    data_of(await way(client, equal, await sign_up_admin(client, admin)))
    # And everybody is within their own reach.
    data_of(await way(client, manager, manager))


async def test_a_lesser_caller_logs_nobody_out_who_may_do_more(client: httpx.AsyncClient, admin: Account) -> None:
    revoker = await sign_up_with(client, admin, "auth:session.revoke")
    another = await log_in(client, admin.email, admin.password)

    assert_failure(await revoke(client, revoker, admin), 403, "cannot_grant")

    assert [await is_over(client, one) for one in (admin.tokens, another)] == [False, False]


@SQLITE_ONLY
async def test_a_permission_that_sleeps_protects_its_holder(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    async with client_of(make_app(modules=discover("modules", "tests.fixtures.greetings"))) as greeting:
        data_of(await set_roles(greeting, admin, user.id, await make_role(greeting, admin, "greetings:greeting.write")))
    manager = await sign_up_with(client, admin, "users:user.write")

    assert_failure(await deactivate(client, manager, user), 403, "cannot_grant")
    data_of(await deactivate(client, admin, user))


@SQLITE_ONLY
async def test_item_56_a_refusal_to_act_on_somebody_is_logged_with_what_is_lacking(
    make_app: MakeApp, client: httpx.AsyncClient, admin: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    manager = await sign_up_with(client, admin, "users:user.write")
    auditor = await sign_up_with(client, admin, "auth:audit.read")
    capsys.readouterr()

    async with client_of(make_app()) as asking:
        await delete(asking, manager, auditor)

    (line,) = [line for line in capsys.readouterr().err.splitlines() if "user_out_of_reach" in line]
    for fact in (manager.id, auditor.id, '"lacking": ["auth:audit.read"]'):
        assert fact in line


@SQLITE_ONLY
async def test_nobody_is_compared_where_nobody_calls(app: FastAPI, client: httpx.AsyncClient, admin: Account) -> None:
    runtime: Runtime = app.state.runtime
    await sign_up_admin(client, admin)

    async with runtime.shared.database().transaction() as session:
        await runtime.of(Container).user_service(session).deactivate(UUID(admin.id))

    assert await is_over(client, admin.tokens)


async def test_an_unknown_user_is_not_found(client: httpx.AsyncClient, admin: Account) -> None:
    manager = await sign_up_with(client, admin, "users:user.write", "auth:session.revoke")
    nobody = Account("0190b6e4-0000-7000-8000-000000000000", "", "", {})

    for way in WAYS:
        assert_failure(await way(client, manager, nobody), 404, "user_not_found")
