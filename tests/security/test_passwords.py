"""Passwords, from choosing one to storing it: what section A of the checklist asks for beside tests/auth."""

import asyncio
import threading
from collections.abc import Iterator

import bcrypt
import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.settings import Settings as AuthSettings
from shared.testing.databases import execute
from shared.testing.envelope import assert_failure, data_of, input_errors
from shared.testing.mailbox import Mailbox
from tests.auth.recovery import NEW, change, reset, reset_token
from tests.auth.test_login import attempt
from tests.auth.test_stored_hashes import stored_hash
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up
from tests.factories import RegisterRequestFactory
from tests.security.hashing import hashes  # noqa: F401 - a fixture

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

PATIENCE_SECONDS = 10

# What makes a database take everything but a new hash.
REFUSALS = {
    "sqlite": ["CREATE TRIGGER refuse BEFORE UPDATE ON auth_credentials BEGIN SELECT RAISE(ABORT, 'no'); END"],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE ON auth_credentials FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    "mysql": ["CREATE TRIGGER refuse BEFORE UPDATE ON auth_credentials FOR EACH ROW SIGNAL SQLSTATE '45000'"],
}


@pytest.fixture
def without_new_hashes(database: str, backend: str) -> Iterator[None]:
    execute(database, *REFUSALS[backend])
    yield
    if backend == "mysql":  # where tests share their tables
        execute(database, "DROP TRIGGER refuse")


@ON_SQLITE
async def test_item_02_nothing_is_computed_for_an_absurdly_long_password(
    client: httpx.AsyncClient,
    user: Account,
    hashes: list[int],  # noqa: F811 - the fixture
) -> None:
    hashes.clear()
    for length in (1025, 16_000):
        absurd = "x" * length
        body = {"email": "new@example.com", "password": absurd}
        for answer in (
            await client.post("/api/auth/register", json=body),
            await attempt(client, user.email, absurd),
            await change(client, user, absurd),
            await change(client, user, user.password, absurd),
            await reset(client, "x", absurd),
        ):
            ((loc, type_),) = input_errors(answer)
            assert "password" in str(loc[1])
            assert type_.endswith("too_long")
    too_large = await attempt(client, user.email, "x" * 16_384)
    assert_failure(too_large, 413, "payload_too_large")

    assert hashes == []


@ON_SQLITE
async def test_item_07_a_changed_and_a_reset_password_obey_the_same_rules(mailbox: Mailbox, make_app: MakeApp) -> None:
    async with client_of(make_app(auth=UNLIMITED, smtp_url=mailbox.url)) as client:
        user = await sign_up(client, RegisterRequestFactory.build(email="lovelace@x.io", nickname="Augusta"))
        token = await reset_token(client, mailbox, user.email)
        for password, fault in (
            ("purple-tractor", "password_too_short"),
            ("purple tractor 7" * 16 + "x", "password_too_long"),
            ("password123456789", "password_too_common"),
            ("the-LOVELACE-family-2024", "password_too_obvious"),
            ("countess-of-augusta-17", "password_too_obvious"),
            ("modular-2024-granite", "password_too_obvious"),
        ):
            for answer in (await change(client, user, user.password, password), await reset(client, token, password)):
                assert input_errors(answer) == [(("body", "new_password"), fault)]

        data_of(await reset(client, token))


async def test_item_09_a_change_wants_the_current_password_and_bites_at_once(
    client: httpx.AsyncClient, user: Account
) -> None:
    for wrong in (NEW, user.password.upper(), f"{user.password} ", "x" * 1024):
        assert_failure(await change(client, user, wrong), 403, "invalid_credentials")
    assert await log_in(client, user.email, user.password)

    data_of(await change(client, user, user.password))

    assert_failure(await attempt(client, user.email, user.password), 401, "invalid_credentials")
    assert await log_in(client, user.email, NEW)


@ON_SQLITE
async def test_item_09_a_new_password_is_another_one(client: httpx.AsyncClient, user: Account) -> None:
    assert input_errors(await change(client, user, user.password, user.password)) == [
        (("body", "new_password"), "password_unchanged")
    ]


async def test_item_09_of_two_changes_at_once_one_counts(client: httpx.AsyncClient, user: Account) -> None:
    new = [f"{NEW} {number}" for number in range(4)]

    answers = await asyncio.gather(*(change(client, user, user.password, one) for one in new))

    won = [one for one, answer in zip(new, answers, strict=True) if answer.status_code == 200]
    assert len(won) == 1
    assert [answer.status_code for answer in answers].count(403) == 3
    assert await log_in(client, user.email, won[0])


@ON_SQLITE
async def test_item_10_the_cost_is_a_setting_and_twelve_by_default(
    make_app: MakeApp,
    user: Account,
    hashes: list[int],  # noqa: F811 - the fixture
) -> None:
    assert AuthSettings.model_fields["bcrypt_cost"].default == 12
    async with client_of(make_app(auth={"bcrypt_cost": 6})) as client:
        hashes.clear()
        data_of(await client.post("/api/auth/register", json=RegisterRequestFactory.build().model_dump()), 201)

    assert hashes == [6]


@ON_SQLITE
async def test_item_10_whoever_wants_no_hash_does_not_wait_for_one(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answered = threading.Event(), threading.Event()
    compute = bcrypt.hashpw

    def compute_after_the_answer(password: bytes, salt: bytes) -> bytes:
        begun.set()
        # In the event loop nobody would ever be answered.
        assert answered.wait(PATIENCE_SECONDS)
        return compute(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", compute_after_the_answer)
    login = asyncio.ensure_future(attempt(client, "nobody@example.com", NEW))
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    data_of(await client.get("/api/health"))
    answered.set()

    assert_failure(await login, 401, "invalid_credentials")


async def test_item_11_a_login_succeeds_although_the_new_hash_cannot_be_stored(
    app: FastAPI,
    make_app: MakeApp,
    user: Account,
    without_new_hashes: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = await stored_hash(app, user)

    async with client_of(make_app(auth={"bcrypt_cost": 5})) as client:
        assert await log_in(client, user.email, user.password)

    assert await stored_hash(app, user) == before
    logged = capsys.readouterr().err
    assert "rehash_failed" in logged
    for secret in (before, before[-30:], user.password, user.email):
        assert secret not in logged


async def test_item_11_a_password_that_was_changed_meanwhile_stays_changed(
    app: FastAPI, make_app: MakeApp, user: Account
) -> None:
    dearer = make_app(auth={"bcrypt_cost": 10})
    async with client_of(app) as client, client_of(dearer) as slow:
        login = asyncio.ensure_future(attempt(slow, user.email, user.password))
        data_of(await change(client, user, user.password))
        await login

        assert_failure(await attempt(client, user.email, user.password), 401, "invalid_credentials")
        assert await log_in(client, user.email, NEW)
