"""Who holds which role, and who may give and take it."""

import asyncio
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from modules.auth.models import ADMIN, Credential, Role
from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.auth.roles import audited, make_role, roles_of, set_roles, sign_up_admin, sign_up_with
from tests.auth.test_logout import is_over
from tests.auth.test_refresh import is_logged_in
from tests.conftest import Account, MakeApp, client_of, log_in, sign_up


async def test_a_new_account_holds_the_role_user(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    assert await roles_of(client, admin, user.id) == ["user"]
    assert await roles_of(client, admin, admin.id) == ["admin", "user"]


async def test_an_assignment_replaces_the_whole_set(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    one, other = await make_role(client, admin), await make_role(client, admin)

    for wanted in ([one, "user"], [other, other, one, other], [other], [], ["user"], ["user"]):
        answer = await set_roles(client, admin, user.id, *wanted)
        assert data_of(answer) == {"roles": sorted(set(wanted))}
        assert await roles_of(client, admin, user.id) == sorted(set(wanted))


async def test_item_54_a_role_bites_on_the_next_request_and_so_does_its_loss(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    role = await make_role(client, admin, "users:user.read")
    for _ in range(2):
        assert_failure(await client.get("/api/users", headers=user.headers), 403, "permission_denied")
        data_of(await set_roles(client, admin, user.id, role))
        data_of(await client.get("/api/users", headers=user.headers))
        data_of(await set_roles(client, admin, user.id))


async def test_permissions_of_several_roles_add_up(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    empty = await make_role(client, admin)
    reader = await make_role(client, admin, "users:user.read")
    auditor = await make_role(client, admin, "auth:audit.read", "users:user.read")

    data_of(await set_roles(client, admin, user.id, empty, reader, auditor))

    for path, status in (("users", 200), ("auth/audit", 200), ("auth/roles", 403)):
        assert (await client.get(f"/api/{path}", headers=user.headers)).status_code == status


async def test_unknown_roles_are_named_by_their_place_only(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    answer = await set_roles(client, admin, user.id, "canary", "user", "canaries")

    assert [loc for loc, _ in input_errors(answer)] == [("body", "roles", 0), ("body", "roles", 2)]
    assert "canar" not in answer.text
    assert await roles_of(client, admin, user.id) == ["user"]


@pytest.mark.parametrize(
    "body",
    [{}, [], {"roles": None}, {"roles": "user"}, {"roles": ["User"]}, {"roles": ["user"] * 101}, {"roles": [], "x": 1}],
)
async def test_a_body_that_is_no_set_of_roles_changes_nothing(
    client: httpx.AsyncClient, admin: Account, user: Account, body: object
) -> None:
    answer = await client.put(f"/api/auth/users/{user.id}/roles", headers=admin.headers, json=body)

    assert input_errors(answer)
    assert await roles_of(client, admin, user.id) == ["user"]


async def test_somebody_who_does_not_exist_has_no_roles_and_no_sessions(
    client: httpx.AsyncClient, admin: Account
) -> None:
    nobody = uuid4()

    for answer in (
        await client.get(f"/api/auth/users/{nobody}/roles", headers=admin.headers),
        await set_roles(client, admin, str(nobody), "user"),
        await set_roles(client, admin, str(nobody), "admin"),
        await client.delete(f"/api/auth/users/{nobody}/sessions", headers=admin.headers),
    ):
        assert_failure(answer, 404, "user_not_found")


async def test_item_55_nobody_gives_or_takes_what_they_do_not_hold(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    assigner = await sign_up_with(client, admin, "auth:role.assign", "users:user.read")
    within = await make_role(client, admin, "users:user.read")
    beyond = await make_role(client, admin, "users:user.read", "users:user.write")
    holder = await sign_up(client)
    data_of(await set_roles(client, admin, holder.id, beyond))

    assert data_of(await set_roles(client, assigner, user.id, within))["roles"] == [within]
    assert data_of(await set_roles(client, assigner, user.id))["roles"] == []
    for target, roles in (
        (user, [beyond]),
        (user, ["admin"]),
        (assigner, [beyond]),
        (assigner, ["admin"]),
        (holder, []),
        (holder, [within]),
        (admin, []),
        (admin, ["user"]),
    ):
        assert_failure(await set_roles(client, assigner, target.id, *roles), 403, "cannot_grant")
    # What is neither given nor taken needs no right.
    assert data_of(await set_roles(client, assigner, holder.id, beyond, within))["roles"] == sorted([beyond, within])
    assert data_of(await set_roles(client, assigner, admin.id, "admin", within))["roles"] == sorted(["admin", within])


async def test_who_holds_everything_gives_and_takes_the_role_admin(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    declared = data_of(await client.get("/api/auth/permissions", headers=admin.headers))
    almost = [one["name"] for one in declared if one["name"] != "users:user.write"]
    lesser, equal = await sign_up_with(client, admin, *almost), await sign_up(client)
    data_of(await set_roles(client, admin, equal.id, await make_role(client, admin, *almost, "users:user.write")))

    assert_failure(await set_roles(client, lesser, user.id, "admin"), 403, "cannot_grant")
    assert data_of(await set_roles(client, equal, user.id, "admin"))["roles"] == ["admin"]
    assert data_of(await client.get("/api/auth/roles", headers=user.headers))
    assert_failure(await set_roles(client, lesser, user.id), 403, "cannot_grant")
    assert data_of(await set_roles(client, user, admin.id))["roles"] == []
    assert_failure(await client.get("/api/auth/roles", headers=admin.headers), 403, "permission_denied")


async def test_the_first_grant_of_admin_is_remembered(app: FastAPI, client: httpx.AsyncClient, admin: Account) -> None:
    async def first_granted_at() -> object:
        async with app.state.runtime.shared.database().read() as session:
            return await session.scalar(select(Role.first_granted_at).where(Role.name == ADMIN))

    before = await first_granted_at()
    assert before is not None
    await sign_up_admin(client, admin)
    assert await first_granted_at() == before


async def test_assignments_at_once_leave_one_of_the_sets(make_app: MakeApp, admin: Account) -> None:
    async with client_of(make_app(auth={"register_limit_per_address": "none"})) as client:
        user = await sign_up(client)
        one, other = await make_role(client, admin), await make_role(client, admin, "users:user.read")
        sets = [[one], [other], [one, other], [other, "user"], ["admin"], []]

        answers = await asyncio.gather(*(set_roles(client, admin, user.id, *names) for names in sets * 4))

        assert [data_of(answer)["roles"] for answer in answers] == [sorted(names) for names in sets * 4]
        assert await roles_of(client, admin, user.id) in [sorted(names) for names in sets]
        # Each change began where another one ended.
        changes = [event["details"] for event in await audited(client, admin, event="roles_assigned", user_id=user.id)]
        ends, begins = [change["after"] for change in changes], [change["before"] for change in changes]
        assert sorted([["user"], *ends]) == sorted([*begins, await roles_of(client, admin, user.id)])


async def test_a_role_is_deleted_while_it_is_given(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    for _ in range(10):
        role = await make_role(client, admin, "users:user.read")
        given, deleted, changed = await asyncio.gather(
            set_roles(client, admin, user.id, "user", role),
            client.delete(f"/api/auth/roles/{role}", headers=admin.headers),
            client.patch(f"/api/auth/roles/{role}", headers=admin.headers, json={"permissions": []}),
        )
        assert data_of(deleted) is None
        assert given.status_code in {200, 422}, given.text
        assert changed.status_code in {200, 404}, changed.text
        assert await roles_of(client, admin, user.id) == ["user"]


async def test_item_44_all_sessions_of_a_user_can_be_ended(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    revoker = await sign_up_with(client, admin, "auth:session.revoke")
    another = await log_in(client, user.email, user.password)

    for _ in range(2):
        answer = await client.delete(f"/api/auth/users/{user.id}/sessions", headers=revoker.headers)
        assert data_of(answer) is None

    assert await is_over(client, user.tokens)
    assert await is_over(client, another)
    assert not await is_over(client, revoker.tokens)
    assert await is_logged_in(client, await log_in(client, user.email, user.password))
    events = await audited(client, admin, event="sessions_revoked")
    assert [(event["user_id"], event["actor_id"]) for event in events] == [(user.id, revoker.id)] * 2
    assert UUID(events[0]["session_id"])


async def test_permissions_count_for_nothing_until_a_given_password_is_changed(
    app: FastAPI, client: httpx.AsyncClient, admin: Account
) -> None:
    async def give_password(*, must_change: bool) -> None:
        async with app.state.runtime.shared.database().transaction() as session:
            await session.execute(
                update(Credential).where(Credential.user_id == UUID(admin.id)).values(must_change=must_change)
            )

    await give_password(must_change=True)
    assert_failure(await client.get("/api/auth/roles", headers=admin.headers), 403, "password_change_required")
    assert data_of(await client.get("/api/users/me", headers=admin.headers))["id"] == admin.id
    await give_password(must_change=False)
    data_of(await client.get("/api/auth/roles", headers=admin.headers))
