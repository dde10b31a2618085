"""The audit trail over HTTP."""

from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.auth.roles import audited, make_role, set_roles, sign_up_with
from tests.conftest import Account

AUDIT = "/api/auth/audit"


async def page(client: httpx.AsyncClient, by: Account, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = data_of(await client.get(AUDIT, headers=by.headers, params=params))
    return found


async def test_item_80_what_happens_to_a_role_is_noted(client: httpx.AsyncClient, admin: Account) -> None:
    role = await make_role(client, admin, "users:user.read")
    url = f"/api/auth/roles/{role}"
    data_of(await client.patch(url, headers=admin.headers, json={"permissions": ["users:user.write"]}))
    data_of(await client.delete(url, headers=admin.headers))

    events = [event for event in await audited(client, admin) if event["event"].startswith("role_")]

    assert [(event["event"], event["details"]) for event in events] == [
        ("role_created", {"role": role, "permissions": ["users:user.read"]}),
        ("role_changed", {"role": role, "permissions": ["users:user.write"]}),
        ("role_deleted", {"role": role, "permissions": ["users:user.write"]}),
    ]
    assert {event["user_id"] for event in events} == {None}


async def test_item_80_an_assignment_is_noted_with_who_did_it_and_from_where(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    role = await make_role(client, admin)
    answer = await set_roles(client, admin, user.id, "user", role)

    (event,) = await audited(client, admin, event="roles_assigned", user_id=user.id)

    assert UUID(event.pop("id")).version == 7
    assert event.pop("at").endswith("Z")
    assert event == {
        "event": "roles_assigned",
        "user_id": user.id,
        "actor_id": admin.id,
        "session_id": admin.tokens["session_id"],
        "ip": "127.0.0.1",
        "request_id": answer.headers["x-request-id"],
        "details": {"before": ["user"], "after": [role, "user"]},
    }


async def test_a_change_of_anothers_profile_is_noted_with_the_names_of_the_fields(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    for by, path, body in (
        (admin, user.id, {"nickname": "canary-19", "locale": "zh"}),
        (admin, user.id, {"nickname": None, "locale": "zh"}),
        # Nothing is another one, or it is one's own.
        (admin, user.id, {"nickname": None}),
        (admin, user.id, {}),
        (user, "me", {"nickname": "canary-19"}),
        (admin, admin.id, {"nickname": "canary-19"}),
    ):
        data_of(await client.patch(f"/api/users/{path}", headers=by.headers, json=body))

    events = await audited(client, admin, event="account_changed")

    assert [(event["user_id"], event["actor_id"]) for event in events] == [(user.id, admin.id)] * 2
    assert [event["details"] for event in events] == [{"fields": ["locale", "nickname"]}, {"fields": ["nickname"]}]


async def test_what_changed_nothing_is_not_noted(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    data_of(await set_roles(client, admin, user.id, "user", "user"))
    assert_failure(await set_roles(client, admin, admin.id), 409, "last_admin")
    assert input_errors(await set_roles(client, admin, user.id, "nothing"))
    assert_failure(await client.delete("/api/auth/roles/user", headers=admin.headers), 409, "role_builtin")
    taken = await client.post("/api/auth/roles", headers=admin.headers, json={"name": "admin"})
    assert_failure(taken, 409, "role_taken")

    assert not [event for event in await audited(client, admin) if event["event"].startswith("role")]


async def test_paging_shows_every_event_once_in_both_orders(client: httpx.AsyncClient, admin: Account) -> None:
    for _ in range(5):
        await make_role(client, admin)
    everything = (await page(client, admin, limit=100, total=True, sort="at"))["items"]

    for sort in ("at", "-at"):
        seen: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            found = await page(client, admin, limit=3, sort=sort, **cursor)
            seen += found["items"]
            if found["next_cursor"] is None:
                break
            cursor = {"cursor": found["next_cursor"]}
        assert seen == (everything if sort == "at" else everything[::-1])


async def test_the_latest_come_first_unless_asked_otherwise(client: httpx.AsyncClient, admin: Account) -> None:
    role = await make_role(client, admin)

    newest = (await page(client, admin, limit=1))["items"]

    assert [event["details"]["role"] for event in newest] == [role]


async def test_events_are_found_by_whom_and_by_what(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    for roles in ([], ["user"], []):
        data_of(await set_roles(client, admin, user.id, *roles))

    about_user = await page(client, admin, user_id=user.id, event="roles_assigned", total=True)
    assert about_user["total"] == 3
    assert {(event["user_id"], event["event"]) for event in about_user["items"]} == {(user.id, "roles_assigned")}
    assert (await page(client, admin, user_id=str(uuid4()), total=True))["total"] == 0
    assert (await page(client, admin, event="role_deleted", total=True))["total"] == 0
    assert {event["user_id"] for event in await audited(client, admin, user_id=user.id)} == {user.id}


async def test_what_cannot_be_asked_for_is_refused(client: httpx.AsyncClient, admin: Account) -> None:
    for name, value in (
        ("event", "everything"),
        ("event", "a\u0000"),
        ("user_id", "nobody"),
        ("sort", "ip"),
        ("limit", "101"),
        ("cursor", "x"),
    ):
        answer = await client.get(AUDIT, headers=admin.headers, params={name: value})
        assert [loc for loc, _ in input_errors(answer)] == [("query", name)], name


async def test_the_right_to_read_it_begins_and_ends_at_once(client: httpx.AsyncClient, admin: Account) -> None:
    auditor = await sign_up_with(client, admin, "auth:audit.read")
    assert (await page(client, auditor))["items"]

    data_of(await set_roles(client, admin, auditor.id, "user"))

    assert_failure(await client.get(AUDIT, headers=auditor.headers), 403, "permission_denied")
