"""Roles made and given over HTTP."""

from itertools import count
from typing import Any

import httpx2 as httpx

from shared.assembly.discovery import discover
from tests.api.envelope import data_of
from tests.conftest import Account, sign_up

_numbers = count(1)


def new_role(**values: object) -> dict[str, Any]:
    return {"name": f"role-{next(_numbers)}", "description": "For a test.", "permissions": []} | values


def by_default() -> set[str]:
    """What every account may do: the modules that are there say so."""
    return {permission.name for permission in discover().permissions if permission.by_default}


async def make_role(client: httpx.AsyncClient, by: Account, *permissions: str) -> str:
    """Gives the name."""
    role = new_role(permissions=permissions)
    data_of(await client.post("/api/auth/roles", headers=by.headers, json=role), 201)
    return str(role["name"])


async def set_roles(client: httpx.AsyncClient, by: Account, user_id: str, *roles: str) -> httpx.Response:
    return await client.put(f"/api/auth/users/{user_id}/roles", headers=by.headers, json={"roles": roles})


async def roles_of(client: httpx.AsyncClient, by: Account, user_id: str) -> list[str]:
    roles: list[str] = data_of(await client.get(f"/api/auth/users/{user_id}/roles", headers=by.headers))["roles"]
    return roles


async def sign_up_with(client: httpx.AsyncClient, admin: Account, *permissions: str) -> Account:
    """Somebody who may do this besides what every account may do."""
    account = await sign_up(client)
    data_of(await set_roles(client, admin, account.id, "user", await make_role(client, admin, *permissions)))
    return account


async def sign_up_with_only(client: httpx.AsyncClient, admin: Account, *permissions: str) -> Account:
    """Somebody who may do this and nothing else."""
    account = await sign_up(client)
    data_of(await set_roles(client, admin, account.id, await make_role(client, admin, *permissions)))
    return account


async def sign_up_admin(client: httpx.AsyncClient, admin: Account) -> Account:
    account = await sign_up(client)
    data_of(await set_roles(client, admin, account.id, "admin", "user"))
    return account


async def sign_up_equal(client: httpx.AsyncClient, admin: Account) -> Account:
    """Somebody who may do everything and is no administrator."""
    declared = data_of(await client.get("/api/auth/permissions", headers=admin.headers))
    return await sign_up_with(client, admin, *(one["name"] for one in declared))


async def audited(client: httpx.AsyncClient, admin: Account, **params: Any) -> list[dict[str, Any]]:
    """What the audit trail has, the oldest first."""
    params |= {"sort": "at", "limit": 100}
    answer = await client.get("/api/auth/audit", headers=admin.headers, params=params)
    events: list[dict[str, Any]] = data_of(answer)["items"]
    return events
