from uuid import UUID

import bcrypt
import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from modules.auth.models import Credential
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in


async def stored_hash(app: FastAPI, user: Account) -> str:
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().read() as session:
        credential = await session.get_one(Credential, UUID(user.id))
        return credential.password_hash


async def store_hash(app: FastAPI, user: Account, password_hash: str) -> None:
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        change = update(Credential).where(Credential.user_id == UUID(user.id)).values(password_hash=password_hash)
        await session.execute(change)


async def test_item_10_a_password_is_stored_as_a_slow_hash_of_a_keyed_one(app: FastAPI, user: Account) -> None:
    stored = await stored_hash(app, user)

    assert stored.startswith("bcrypt-hs384$0$2b$04$")
    assert user.password not in stored


MALFORMED = [
    "",
    "x",
    "$",
    "$2b$",
    "$2b$12$short",
    "$2b$99$" + "a" * 53,
    "$2b$04$" + "!" * 53,
    "$2b$04$" + "\u00e9" * 53,
    "bcrypt-hs384$",
    "bcrypt-hs384$0",
    "bcrypt-hs384$0$2b$04$short",
    "bcrypt-hs384$9$2b$04$" + "a" * 53,
    "argon2id$v=19$m=65536",
]


async def test_item_12_a_malformed_hash_is_a_wrong_password_and_a_line_in_the_log(
    make_app: MakeApp, user: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(auth=UNLIMITED)
    async with client_of(app) as client:
        for malformed in MALFORMED:
            await store_hash(app, user, malformed)
            answer = await client.post("/api/auth/login", json={"email": user.email, "password": user.password})
            assert_failure(answer, 401, "invalid_credentials")
            assert await stored_hash(app, user) == malformed
            assert "password_hash_malformed" in capsys.readouterr().err, malformed


async def test_item_11_an_imported_bcrypt_hash_is_accepted_and_replaced(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    imported = bcrypt.hashpw(b"an imported password", bcrypt.gensalt(4)).decode()
    await store_hash(app, user, imported)

    wrong = await client.post("/api/auth/login", json={"email": user.email, "password": "another password"})
    assert_failure(wrong, 401, "invalid_credentials")
    assert await stored_hash(app, user) == imported

    await log_in(client, user.email, "an imported password")
    assert (await stored_hash(app, user)).startswith("bcrypt-hs384$0$2b$04$")
    assert await log_in(client, user.email, "an imported password")


async def test_an_imported_hash_does_not_accept_more_than_it_covers(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    longest = "seven purple tractors sing. " * 3
    await store_hash(app, user, bcrypt.hashpw(longest[:72].encode(), bcrypt.gensalt(4)).decode())

    longer = await client.post("/api/auth/login", json={"email": user.email, "password": longest})

    assert_failure(longer, 401, "invalid_credentials")
    assert await log_in(client, user.email, longest[:72])


async def test_item_11_a_change_of_the_cost_takes_effect_at_the_next_login(
    app: FastAPI, make_app: MakeApp, user: Account
) -> None:
    dearer = make_app(auth={"bcrypt_cost": 5})

    async with client_of(dearer) as client:
        await log_in(client, user.email, user.password)
        rehashed = await stored_hash(app, user)
        await log_in(client, user.email, user.password)

    assert rehashed.startswith("bcrypt-hs384$0$2b$05$")
    assert await stored_hash(app, user) == rehashed


async def test_no_answer_carries_a_hash(client: httpx.AsyncClient, admin: Account) -> None:
    listed = await client.get("/api/users", headers=admin.headers)

    assert data_of(listed)["items"]
    for word in ("$2b$", "hash", "bcrypt", "password"):
        assert word not in listed.text
