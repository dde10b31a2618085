"""Who may do what, asked of every operation there is: those of a new module are among them."""

import json
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.assembly.discovery import discover
from shared.testing.envelope import assert_failure, data_of
from tests.api.asgi import bearer, open_websocket
from tests.auth.roles import make_role, set_roles, sign_up_with, sign_up_with_only
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, sign_up
from tests.security.operations import Operation, operations_of

SQLITE_ONLY = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED)


async def call(client: httpx.AsyncClient, operation: Operation, by: Account, **values: object) -> httpx.Response:
    return await client.request(operation.method, operation.url(**values), headers=by.headers, **operation.content())


async def picture(client: httpx.AsyncClient, admin: Account) -> list[Any]:
    """What an administrator sees of users and roles."""
    users = data_of(await client.get("/api/users", headers=admin.headers, params={"limit": 100}))["items"]
    paths = ["/api/auth/roles", *(f"/api/auth/users/{one['id']}/roles" for one in users)]
    return [users, *[data_of(await client.get(path, headers=admin.headers)) for path in paths]]


@pytest.mark.module_rules
async def test_item_50_a_plain_user_may_do_nothing_that_needs_a_permission(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    guarded = [operation for operation in operations_of(app) if operation.withheld]
    before = await picture(client, admin)

    for operation in guarded:
        for user_id, name in ((user.id, "user"), (admin.id, "admin"), (uuid4(), "nothing")):
            answer = await call(client, operation, user, user_id=user_id, name=name)
            assert_failure(answer, 403, "permission_denied")
            assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'

    assert len(guarded) > 15
    assert await picture(client, admin) == before


@pytest.mark.module_rules
@SQLITE_ONLY
async def test_item_50_each_permission_opens_its_own_operations_and_no_others(
    app: FastAPI, client: httpx.AsyncClient, admin: Account
) -> None:
    guarded = [operation for operation in operations_of(app) if operation.permissions]
    declared = [permission.name for permission in app.state.runtime.shared.permissions()]
    wrong = []
    for permission in declared:
        holder = await sign_up_with_only(client, admin, permission)
        everybody_else = await sign_up_with_only(client, admin, *(one for one in declared if one != permission))
        for operation in guarded:
            for caller, may in (
                (holder, operation.permissions <= {permission}),
                (everybody_else, permission not in operation.permissions),
            ):
                # On what does not exist, so that nothing comes of it.
                answer = await call(client, operation, caller)
                if (answer.json()["code"] != "permission_denied") is not may:
                    wrong.append(f"{operation} with {permission}: {answer.text}")

    assert wrong == []
    assert {name for operation in guarded for name in operation.permissions} <= set(declared)


@pytest.mark.module_rules
async def test_item_51_what_belongs_to_another_is_not_there(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    operations = operations_of(app)
    by_name = {str(operation): operation for operation in operations}
    stranger = await sign_up(client)
    swapped = []
    for operation in operations:
        if operation.is_public or operation.permissions or not operation.parameters:
            continue
        collection = operation.path.rpartition("/{")[0]
        can_be_listed = f"GET {collection}" in by_name
        own = await belongings(client, by_name, collection, user)
        for one in own:
            values = dict.fromkeys(operation.parameters, one)
            answers = [await call(client, operation, stranger, **values), await call(client, operation, stranger)]
            envelopes = [answer.json() | {"request_id": ""} for answer in answers]
            assert answers[0].status_code == 404, f"{operation}: {answers[0].text}"
            assert envelopes[0]["code"].endswith("not_found")
            assert envelopes[0] == envelopes[1], "it tells that there is such a thing"
            swapped.append(str(operation))
        if can_be_listed:
            assert await belongings(client, by_name, collection, user) == own
        elif operation.method == "GET":
            assert (await call(client, operation, user, **values)).is_success

    assert "DELETE /api/auth/sessions/{session_id}" in swapped


async def belongings(
    client: httpx.AsyncClient, operations: dict[str, Operation], collection: str, owner: Account
) -> list[str]:
    """The ids of what is in a collection of the owner's; one is made if there is none.

    None where a made-up request makes nothing: how to make it, only the module's own tests know.
    """
    found = []
    if listing := operations.get(f"GET {collection}"):
        data = data_of(await call(client, listing, owner))
        found = [one["id"] for one in (data["items"] if isinstance(data, dict) else data) if "id" in one]
    if not found and (making := operations.get(f"POST {collection}")):
        answer = await call(client, making, owner)
        made = answer.json()["data"] if answer.is_success else None
        found = [made["id"]] if isinstance(made, dict) and "id" in made else []
    return found


@SQLITE_ONLY
async def test_item_51_nothing_but_the_token_says_who_is_asking(client: httpx.AsyncClient, user: Account) -> None:
    stranger = await sign_up(client)
    claims = {"user_id": user.id, "id": user.id, "sub": user.id, "session_id": user.tokens["session_id"]}
    headers = stranger.headers | {"X-User-Id": user.id, "X-Session-Id": user.tokens["session_id"], "X-Role": "admin"}
    ask: dict[str, Any] = {"headers": headers, "params": claims}

    assert data_of(await client.get("/api/users/me", **ask))["id"] == stranger.id
    (session,) = data_of(await client.get("/api/auth/sessions", **ask))
    assert session["id"] == stranger.tokens["session_id"]
    data_of(await client.patch("/api/users/me", **ask, json={"nickname": "Mallory"}))
    data_of(await client.post("/api/auth/logout", **ask, json={"scope": "all"}))

    me = data_of(await client.get("/api/users/me", headers=user.headers))
    assert (me["id"], me["nickname"]) == (user.id, None)


# What nobody sets of themselves, by the names that somebody would try.
PROTECTED: dict[str, Any] = {
    "id": "0190b6e4-0000-7000-8000-000000000000",
    "user_id": "0190b6e4-0000-7000-8000-000000000000",
    "owner_id": "0190b6e4-0000-7000-8000-000000000000",
    "is_admin": True,
    "is_active": True,
    "is_builtin": True,
    "is_superuser": True,
    "email_verified": True,
    "email_verified_at": "2020-01-01T00:00:00Z",
    "role": "admin",
    "roles": ["admin"],
    "permissions": ["users:user.write"],
    "password": "seven purple tractors sing",
    "password_hash": "$2b$04$",
    "must_change": False,
    "auth_version": 7,
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "__class__": "x",
    "__proto__": {"is_admin": True},
}


@pytest.mark.module_rules
@SQLITE_ONLY
async def test_item_52_no_body_sets_what_it_does_not_say(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    role = await make_role(client, admin)
    before = await picture(client, admin)
    writes = [operation for operation in operations_of(app) if operation.body]

    for operation in writes:
        assert operation.body is not None
        more = {name: value for name, value in PROTECTED.items() if name not in operation.body.get("properties", {})}
        by = admin if operation.permissions else user
        answer = await client.request(
            operation.method,
            operation.url(user_id=user.id, name=role),
            headers={} if operation.is_public else by.headers,
            json=operation.sample() | more,
        )
        errors = assert_failure(answer, 422, "validation_error")["data"]["errors"]
        refused = {error["loc"][1] for error in errors if error["type"] == "extra_forbidden"}
        assert refused == set(more), f"{operation}: {answer.text}"
        assert len(errors) == len(more), f"{operation} has another fault: {answer.text}"

    assert len(writes) > 10
    assert await picture(client, admin) == before


@pytest.mark.module_rules
@SQLITE_ONLY
async def test_item_52_a_body_holds_one_object_and_nothing_else_is_read(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    before = await picture(client, admin)
    for operation in operations_of(app):
        if operation.body is not None and not operation.is_public:
            by = admin if operation.permissions else user
            url = operation.url(user_id=user.id, name="user")
            # In the address the same fields are nobody's.
            answer = await client.request(operation.method, url, headers=by.headers, params=PROTECTED, json=[])
            assert_failure(answer, 422, "validation_error")

    assert await picture(client, admin) == before


def logged(text: str) -> list[dict[str, Any]]:
    """The lines of the log; mails are shown among them."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@SQLITE_ONLY
async def test_item_56_a_refusal_is_logged_with_actor_permission_object_and_request(
    make_app: MakeApp, user: Account, admin: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = user.headers | {"X-Request-ID": "refused-1"}
    async with client_of(make_app()) as client:
        refused = await client.patch(f"/api/users/{admin.id}", headers=headers, json={})

    text = capsys.readouterr().err
    (line,) = [line for line in logged(text) if line["event"] == "permission_denied"]
    expected = {
        "level": "warning",
        "user_id": user.id,
        "permission": "users:user.write",
        "method": "PATCH",
        "route": "/api/users/{user_id}",
        "path": f"/api/users/{admin.id}",
        "request_id": "refused-1",
    }
    assert refused.status_code == 403
    assert expected.items() <= line.items()
    assert user.tokens["access_token"] not in text


@SQLITE_ONLY
async def test_item_56_what_a_service_refuses_is_logged_with_its_actor_too(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account, admin: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assigner = await sign_up_with(client, admin, "auth:role.assign")
    foreign = f"/api/auth/sessions/{user.tokens['session_id']}"
    capsys.readouterr()

    async with client_of(make_app()) as asking:
        assert_failure(await set_roles(asking, assigner, user.id, "admin"), 403, "cannot_grant")
        assert_failure(await asking.delete(foreign, headers=assigner.headers), 404, "session_not_found")
        assert_failure(await asking.delete(foreign), 401, "not_authenticated")

    lines = logged(capsys.readouterr().err)
    told = [(one["status"], one["path"], one["user_id"]) for one in lines if one["event"] == "request"]
    assert told == [
        (403, f"/api/auth/users/{user.id}/roles", assigner.id),
        (404, foreign, assigner.id),
        (401, foreign, None),
    ]


@SQLITE_ONLY
async def test_item_56_a_refused_websocket_is_logged_too(
    make_app: MakeApp, user: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.doors"))

    await open_websocket(app, "/api/doors/guarded/socket", bearer(user.tokens["access_token"]))

    lines = logged(capsys.readouterr().err)
    (line,) = [line for line in lines if line["event"] == "permission_denied"]
    assert (line["user_id"], line["method"], line["permission"]) == (user.id, "WEBSOCKET", "doors:door.open")
