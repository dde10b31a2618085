"""Changing an address and confirming it, over HTTP."""

import httpx2 as httpx

from tests.conftest import Account


async def change_email(
    client: httpx.AsyncClient, user: Account, new: str, password: str | None = None
) -> httpx.Response:
    body = {"new_email": new, "current_password": user.password if password is None else password}
    return await client.post("/api/auth/email/change", headers=user.headers, json=body)


async def confirm_change(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/auth/email/change/confirm", json={"token": token})


async def verify(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/auth/email/verify", json={"token": token})


async def request_verification(client: httpx.AsyncClient, user: Account) -> httpx.Response:
    return await client.post("/api/auth/email/verify/request", headers=user.headers)
