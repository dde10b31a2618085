"""Roles made and given over HTTP."""

from typing import Any

import httpx2 as httpx

from modules.auth.testing import make_role, new_role, set_roles, sign_up, sign_up_with
from shared.assembly.discovery import discover
from shared.testing import Account, data_of

__all__ = [
    "audited",
    "by_default",
    "make_role",
    "new_role",
    "roles_of",
    "set_roles",
    "sign_up_admin",
    "sign_up_equal",
    "sign_up_with",
    "sign_up_with_only",
]


def by_default() -> set[str]:
    """What every account may do: the modules that are there say so."""
    return {permission.name for permission in discover().permissions if permission.by_default}


async def roles_of(client: httpx.AsyncClient, by: Account, user_id: str) -> list[str]:
    roles: list[str] = data_of(await client.get(f"/api/auth/users/{user_id}/roles", headers=by.headers))["roles"]
    return roles


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
