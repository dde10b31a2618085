"""Choosing a new password, over HTTP and by mail."""

import httpx2 as httpx

from shared.testing.envelope import data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.conftest import Account

NEW = "eleven green bicycles hum"


async def change(client: httpx.AsyncClient, user: Account, current: str, new: str = NEW) -> httpx.Response:
    passwords = {"current_password": current, "new_password": new}
    return await client.post("/api/auth/password/change", headers=user.headers, json=passwords)


async def forgot(client: httpx.AsyncClient, email: str) -> httpx.Response:
    return await client.post("/api/auth/password/forgot", json={"email": email})


async def reset(client: httpx.AsyncClient, token: str, new: str = NEW) -> httpx.Response:
    return await client.post("/api/auth/password/reset", json={"token": token, "new_password": new})


async def reset_token(client: httpx.AsyncClient, mailbox: Mailbox, email: str) -> str:
    """Ask for a new password, and read the mail."""
    data_of(await forgot(client, email), 202)
    while "/reset-password#" not in (mail := await mailbox.next_mail(to=email)).get_content():
        pass
    return link_token(mail)
