"""What a leak of the database gives away: no token, and nothing to make one from."""

import asyncio
import base64
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.database import Base
from shared.testing.databases import execute
from shared.testing.envelope import data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.test_refresh import refresh
from tests.conftest import Account, MakeApp, sign_up

WINDOW = 20


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url)


async def everything_stored(database: str) -> str:
    """Every value of every column of every table, bytes in each spelling that they may be found by."""
    tables = sorted(Base.metadata.tables)
    rows = [row for table in tables for row in await asyncio.to_thread(execute, database, f"SELECT * FROM {table}")]
    return "\n".join(spelling for row in rows for value in row for spelling in spellings(value))


def spellings(value: object) -> Iterator[str]:
    if isinstance(value, bytes):
        yield from (value.decode("latin-1"), value.hex(), base64.b64encode(value).decode())
        yield base64.urlsafe_b64encode(value).decode()
    else:
        yield str(value)


def is_in(secret: str, stored: str) -> bool:
    return any(secret[start : start + WINDOW] in stored for start in range(len(secret) - WINDOW + 1))


async def test_item_41_no_column_of_any_table_holds_a_token_or_a_part_of_one(
    client: httpx.AsyncClient, database: str, admin: Account, mailbox: Mailbox
) -> None:
    user = await sign_up(client)
    renewed = data_of(await refresh(client, user.tokens["refresh_token"]))
    links = [link_token(await mailbox.next_mail(to=user.email))]
    await client.post("/api/auth/password/forgot", json={"email": user.email})
    links.append(link_token(await mailbox.next_mail(to=user.email)))
    change = {"new_email": "moved@example.com", "current_password": user.password}
    await client.post("/api/auth/email/change", headers=user.headers, json=change)
    links.append(link_token(await mailbox.next_mail(to="moved@example.com")))
    await client.post("/api/users", headers=admin.headers, json={"email": "invited@example.com"})
    links.append(link_token(await mailbox.next_mail(to="invited@example.com")))

    stored = await everything_stored(database)

    # Nothing was overlooked: the session and the links are there.
    assert user.tokens["session_id"].replace("-", "") in stored.replace("-", "")
    assert user.email in stored
    ((count,),) = await asyncio.to_thread(execute, database, "SELECT count(*) FROM auth_mail_tokens")
    assert count == len(links)
    # Of a refresh token only the last part is secret: what stands before it names the session, and is the row's own id.
    refreshing = [tokens["refresh_token"].rpartition(".")[2] for tokens in (user.tokens, renewed)]
    access = [tokens["access_token"] for tokens in (user.tokens, renewed)]
    for secret in (*links, *refreshing, *access):
        assert len(secret) > WINDOW
        assert not is_in(secret, stored)
        assert not is_in(decoded(secret), stored)
    assert not is_in(user.password, stored)


def decoded(secret: str) -> str:
    """What the text was made from, in hexadecimal digits."""
    part = secret.rpartition(".")[2]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).hex()
