"""A PATCH that says nothing, or what is so already, changes nothing: every route, by the whole database."""

from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from shared.container import Runtime
from shared.database import Base
from tests.auth.roles import make_role
from tests.conftest import UNLIMITED, Account, MakeApp
from tests.security.operations import Operation, operations_of


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED)


async def everything(app: FastAPI) -> dict[str, list[tuple[Any, ...]]]:
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().read() as session:
        return {
            table.name: sorted((tuple(row) for row in await session.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def patches_of(app: FastAPI) -> list[Operation]:
    return [operation for operation in operations_of(app) if operation.method == "PATCH"]


@pytest.mark.module_rules
async def test_an_empty_patch_changes_nothing(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    role = await make_role(client, admin, "users:user.read")
    patches = patches_of(app)
    assert len(patches) >= 3
    before = await everything(app)

    for patch in patches:
        answer = await client.patch(patch.url(user_id=user.id, name=role), json={}, headers=admin.headers)
        # Of a module that came later nobody knows here which ids there are.
        assert answer.status_code == 200 or (patch.parameters and answer.status_code == 404), f"{patch}: {answer.text}"
        assert await everything(app) == before, f"{patch} changed something"


async def test_what_is_so_already_is_no_change(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    role = await make_role(client, admin, "users:user.read", "auth:role.read")
    changes: dict[str, dict[str, Any]] = {
        "/api/users/me": {"nickname": "Ada", "locale": "zh"},
        f"/api/users/{user.id}": {"nickname": "Bob"},
        f"/api/auth/roles/{role}": {"description": "Edits.", "permissions": ["auth:role.read", "users:user.read"]},
    }
    for path, body in changes.items():
        untouched = await everything(app)
        first = await client.patch(path, json=body, headers=admin.headers)
        changed = await everything(app)
        again = await client.patch(path, json=body, headers=admin.headers)

        assert (first.status_code, again.status_code) == (200, 200), first.text
        assert changed != untouched
        assert again.json()["data"] == first.json()["data"]
        assert await everything(app) == changed, path
