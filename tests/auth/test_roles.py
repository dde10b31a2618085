"""Roles over HTTP: what they are, who may change them, and what they let their holders do."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.assembly.discovery import discover
from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.auth.roles import by_default, make_role, new_role, roles_of, set_roles, sign_up_with
from tests.conftest import Account, MakeApp, client_of

ROLES = "/api/auth/roles"
BUILT_IN = ("admin", "user")


async def read(client: httpx.AsyncClient, by: Account, name: str) -> dict[str, Any]:
    role: dict[str, Any] = data_of(await client.get(f"{ROLES}/{name}", headers=by.headers))
    return role


async def test_every_declared_permission_is_listed(app: FastAPI, client: httpx.AsyncClient, admin: Account) -> None:
    listed = data_of(await client.get("/api/auth/permissions", headers=admin.headers))

    declared = app.state.runtime.shared.permissions()
    assert [one["name"] for one in listed] == [permission.name for permission in declared]
    assert {
        "name": "auth:role.assign",
        "description": "Give roles to users, and take them away.",
        "module": "auth",
        "by_default": False,
    } in listed


async def test_the_built_in_roles_come_first_and_hold_what_the_modules_declare(
    client: httpx.AsyncClient, admin: Account
) -> None:
    for _ in range(3):
        await make_role(client, admin)
    roles = data_of(await client.get(ROLES, headers=admin.headers))
    everything = data_of(await client.get("/api/auth/permissions", headers=admin.headers))

    names = [role["name"] for role in roles]
    assert names[:2] == ["admin", "user"]
    assert len(names) >= 5
    assert names[2:] == sorted(names[2:])
    assert [role["is_builtin"] for role in roles] == [True, True] + [False] * (len(roles) - 2)
    assert roles[0]["permissions"] == sorted(one["name"] for one in everything)
    assert roles[1]["permissions"] == sorted(one["name"] for one in everything if one["by_default"])


async def test_a_role_is_made_read_changed_and_deleted(client: httpx.AsyncClient, admin: Account) -> None:
    role = new_role(permissions=["users:user.write", "users:user.read", "users:user.read"])
    url = f"{ROLES}/{role['name']}"
    expected = role | {"permissions": ["users:user.read", "users:user.write"], "is_builtin": False}

    assert data_of(await client.post(ROLES, headers=admin.headers, json=role), 201) == expected
    assert await read(client, admin, role["name"]) == expected

    changes: list[dict[str, Any]] = [{"description": "B"}, {"permissions": ["auth:role.read"]}, {"permissions": []}, {}]
    for change in changes:
        expected |= change
        assert data_of(await client.patch(url, headers=admin.headers, json=change)) == expected
        assert await read(client, admin, role["name"]) == expected

    assert data_of(await client.delete(url, headers=admin.headers)) is None
    for gone in (
        await client.get(url, headers=admin.headers),
        await client.patch(url, headers=admin.headers, json={}),
        await client.delete(url, headers=admin.headers),
    ):
        assert_failure(gone, 404, "role_not_found")


async def test_a_role_needs_nothing_but_a_name(client: httpx.AsyncClient, admin: Account) -> None:
    name = new_role()["name"]

    made = data_of(await client.post(ROLES, headers=admin.headers, json={"name": name}), 201)

    assert made == {"name": name, "description": "", "is_builtin": False, "permissions": []}


async def test_the_built_in_roles_stay_as_they_are(client: httpx.AsyncClient, admin: Account) -> None:
    for name in BUILT_IN:
        before = await read(client, admin, name)
        url = f"{ROLES}/{name}"
        body: dict[str, Any]
        for body in ({}, {"description": "Mine."}, {"permissions": []}):
            assert_failure(await client.patch(url, headers=admin.headers, json=body), 409, "role_builtin")
        assert_failure(await client.delete(url, headers=admin.headers), 409, "role_builtin")
        taken = await client.post(ROLES, headers=admin.headers, json=new_role(name=name))
        assert_failure(taken, 409, "role_taken")
        assert await read(client, admin, name) == before


async def test_of_twenty_roles_of_one_name_at_once_one_is_made(client: httpx.AsyncClient, admin: Account) -> None:
    role = new_role(permissions=["users:user.read"])

    answers = await asyncio.gather(
        *(client.post(ROLES, headers=admin.headers, json=role | {"description": str(n)}) for n in range(20))
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert {answer.json()["code"] for answer in answers} == {"ok", "role_taken"}


async def test_changes_at_once_leave_what_one_of_them_asked_for(client: httpx.AsyncClient, admin: Account) -> None:
    name = await make_role(client, admin)
    wanted = [["users:user.read"], ["users:user.write"], ["users:user.read", "users:user.write"], []] * 5

    answers = await asyncio.gather(
        *(client.patch(f"{ROLES}/{name}", headers=admin.headers, json={"permissions": one}) for one in wanted)
    )

    assert [data_of(answer)["permissions"] for answer in answers] == wanted
    assert (await read(client, admin, name))["permissions"] in wanted


@pytest.mark.parametrize(
    "name", ["", "A", "Editor", "1st", "-x", "_x", "a b", "a.b", "a/b", "a\n", "\u00e4", "a" * 51, "a\u0000", "\ud800"]
)
async def test_a_name_is_a_short_plain_word(client: httpx.AsyncClient, admin: Account, name: str) -> None:
    # Half a surrogate pair passes the client only as an escape.
    headers = admin.headers | {"Content-Type": "application/json"}
    made = await client.post(ROLES, headers=headers, content=json.dumps({"name": name}))
    asked_for = await client.get(f"{ROLES}/{quote(name, safe='', errors='surrogatepass')}", headers=headers)

    assert [loc for loc, _ in input_errors(made)] == [("body", "name")]
    assert asked_for.status_code in {404, 422}, asked_for.text


async def test_the_longest_name_is_accepted(client: httpx.AsyncClient, admin: Account) -> None:
    name = (new_role()["name"] + "_" + "z" * 50)[:50]

    data_of(await client.post(ROLES, headers=admin.headers, json={"name": name}), 201)

    assert (await read(client, admin, name))["name"] == name


async def test_an_unknown_permission_is_named_by_its_place_only(client: httpx.AsyncClient, admin: Account) -> None:
    body = new_role(permissions=["users:user.read", "canary:x.y", "users:user.write", "", "CANARY"])
    name = await make_role(client, admin, "users:user.read")

    for answer in (
        await client.post(ROLES, headers=admin.headers, json=body),
        await client.patch(f"{ROLES}/{name}", headers=admin.headers, json={"permissions": body["permissions"]}),
    ):
        places = [loc for loc, _ in input_errors(answer)]
        assert places == [("body", "permissions", 1), ("body", "permissions", 3), ("body", "permissions", 4)]
        assert "canary" not in answer.text.lower()
    assert (await read(client, admin, name))["permissions"] == ["users:user.read"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", None),
        ("description", "x" * 256),
        ("description", "a\nb"),
        ("permissions", None),
        ("permissions", "users:user.read"),
        ("permissions", {}),
        ("permissions", ["users:user.read"] * 1001),
        ("is_builtin", True),
        ("name", "another"),
    ],
)
async def test_a_change_is_refused_when_it_is_not_one(
    client: httpx.AsyncClient, admin: Account, field: str, value: object
) -> None:
    name = await make_role(client, admin, "users:user.read")
    before = await read(client, admin, name)

    answer = await client.patch(f"{ROLES}/{name}", headers=admin.headers, json={field: value})

    assert {loc[:2] for loc, _ in input_errors(answer)} == {("body", field)}
    assert await read(client, admin, name) == before


async def test_roles_are_for_those_who_may(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    name = await make_role(client, admin)
    doors: list[tuple[str, str, str]] = [
        ("GET", "/permissions", "auth:role.read"),
        ("GET", "/roles", "auth:role.read"),
        ("POST", "/roles", "auth:role.write"),
        ("GET", f"/roles/{name}", "auth:role.read"),
        ("PATCH", f"/roles/{name}", "auth:role.write"),
        ("DELETE", f"/roles/{name}", "auth:role.write"),
        ("GET", f"/users/{user.id}/roles", "auth:role.read"),
        ("PUT", f"/users/{user.id}/roles", "auth:role.assign"),
        ("DELETE", f"/users/{user.id}/sessions", "auth:session.revoke"),
        ("GET", "/audit", "auth:audit.read"),
    ]
    holders = {permission: await sign_up_with(client, admin, permission) for permission in {door[2] for door in doors}}

    for method, path, permission in doors:
        assert_failure(await client.request(method, f"/api/auth{path}"), 401, "not_authenticated")
        for held, holder in holders.items():
            if held != permission:
                answer = await client.request(method, f"/api/auth{path}", headers=holder.headers)
                assert_failure(answer, 403, "permission_denied")
        # Past the door, and perhaps refused for an empty body.
        passed = await client.request(method, f"/api/auth{path}", headers=holders[permission].headers)
        assert passed.status_code in {200, 422}, f"{method} {path}: {passed.text}"


async def test_item_55_nobody_makes_or_changes_a_role_beyond_theirs(client: httpx.AsyncClient, admin: Account) -> None:
    editor = await sign_up_with(client, admin, "auth:role.write", "users:user.read")
    own, beyond = new_role(permissions=["users:user.read"]), new_role(permissions=["users:user.write"])
    higher = await make_role(client, admin, "users:user.read", "users:user.write")

    data_of(await client.post(ROLES, headers=editor.headers, json=own), 201)
    for answer in (
        await client.post(ROLES, headers=editor.headers, json=beyond),
        # Up, down, aside, and away.
        await client.patch(f"{ROLES}/{own['name']}", headers=editor.headers, json=_only("users:user.write")),
        await client.patch(f"{ROLES}/{higher}", headers=editor.headers, json=_only("users:user.read")),
        await client.patch(f"{ROLES}/{higher}", headers=editor.headers, json={"description": "Mine."}),
        await client.delete(f"{ROLES}/{higher}", headers=editor.headers),
    ):
        assert_failure(answer, 403, "cannot_grant")

    assert (await read(client, admin, own["name"]))["permissions"] == ["users:user.read"]
    assert (await read(client, admin, higher))["permissions"] == ["users:user.read", "users:user.write"]
    data_of(await client.delete(f"{ROLES}/{own['name']}", headers=editor.headers))


async def test_item_55_nobody_lifts_the_role_they_hold(client: httpx.AsyncClient, admin: Account) -> None:
    editor = await sign_up_with(client, admin, "auth:role.write", "auth:role.assign")
    (held,) = set(await roles_of(client, admin, editor.id)) - {"user"}

    lifted = await client.patch(f"{ROLES}/{held}", headers=editor.headers, json=_only("users:user.write"))

    assert_failure(lifted, 403, "cannot_grant")
    assert_failure(await client.get("/api/users", headers=editor.headers), 403, "permission_denied")


async def test_item_54_a_changed_role_bites_on_the_next_request(client: httpx.AsyncClient, admin: Account) -> None:
    holder = await sign_up_with(client, admin, "auth:role.read")
    (role,) = set(await roles_of(client, admin, holder.id)) - {"user"}
    url = f"{ROLES}/{role}"

    async def statuses() -> list[int]:
        return [(await client.get(path, headers=holder.headers)).status_code for path in (ROLES, "/api/users")]

    assert await statuses() == [200, 403]
    for permissions, expected in (
        (["users:user.read"], [403, 200]),
        ([], [403, 403]),
        (["auth:role.read"], [200, 403]),
    ):
        data_of(await client.patch(url, headers=admin.headers, json={"permissions": permissions}))
        assert await statuses() == expected
    data_of(await client.delete(url, headers=admin.headers))
    assert await statuses() == [403, 403]
    assert await roles_of(client, admin, holder.id) == ["user"]


async def test_what_every_account_may_do_comes_with_the_role_user(
    make_app: MakeApp, user: Account, admin: Account
) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.greetings"))
    async with client_of(app) as client:
        expected = sorted({"greetings:greeting.read", *by_default()})
        assert (await read(client, admin, "user"))["permissions"] == expected
        assert (await client.get("/api/greetings", headers=user.headers)).text == '"hello"'
        assert_failure(await client.post("/api/greetings", headers=user.headers), 403, "permission_denied")

        data_of(await set_roles(client, admin, user.id))
        assert_failure(await client.get("/api/greetings", headers=user.headers), 403, "permission_denied")


async def test_a_permission_sleeps_while_its_module_is_away(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.greetings"))
    async with client_of(app) as greeting:
        role = await make_role(greeting, admin, "greetings:greeting.write", "users:user.read")
        data_of(await set_roles(greeting, admin, user.id, role))
        assert (await greeting.post("/api/greetings", headers=user.headers)).text == '"said"'

        # The application without the module, on the same database.
        assert (await read(client, admin, role))["permissions"] == ["users:user.read"]
        data_of(await client.get("/api/users", headers=user.headers))
        # It would wake up with its module: nobody but who holds everything gives it away meanwhile.
        assigner = await sign_up_with(client, admin, "auth:role.assign", "users:user.read")
        assert_failure(await set_roles(client, assigner, assigner.id, role), 403, "cannot_grant")
        data_of(await client.patch(f"{ROLES}/{role}", headers=admin.headers, json={"description": "Still there."}))
        assert (await greeting.post("/api/greetings", headers=user.headers)).text == '"said"'
        data_of(await client.patch(f"{ROLES}/{role}", headers=admin.headers, json=_only("users:user.read")))
        assert_failure(await greeting.post("/api/greetings", headers=user.headers), 403, "permission_denied")


def _only(*permissions: str) -> dict[str, Any]:
    return {"permissions": permissions}
