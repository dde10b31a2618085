"""Changing an address and confirming it, over HTTP."""

from uuid import UUID

import httpx2 as httpx
from fastapi import FastAPI

from modules.users.container import Container as UsersContainer
from shared.container import Runtime
from tests.conftest import Account


async def change_email(
    client: httpx.AsyncClient, user: Account, new: str, password: str | None = None
) -> httpx.Response:
    body = {"new_email": new, "current_password": user.password if password is None else password}
    return await client.post("/api/auth/email/change", headers=user.headers, json=body)


async def confirm_change(client: httpx.AsyncClient, user: Account, token: str) -> httpx.Response:
    return await client.post("/api/auth/email/change/confirm", headers=user.headers, json={"token": token})


async def verify(client: httpx.AsyncClient, user: Account, token: str) -> httpx.Response:
    return await client.post("/api/auth/email/verify", headers=user.headers, json={"token": token})


async def disown(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Say that it was not oneself."""
    return await client.post("/api/auth/email/disown", json={"token": token})


async def request_verification(client: httpx.AsyncClient, user: Account) -> httpx.Response:
    return await client.post("/api/auth/email/verify/request", headers=user.headers)


async def have_confirmed(app: FastAPI, user: Account) -> None:
    """As if the user had opened the link, for tests without a mailbox."""
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        assert await runtime.of(UsersContainer).user_service(session).verify_email(UUID(user.id), user.email)
