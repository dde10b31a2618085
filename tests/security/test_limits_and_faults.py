"""What is not the caller's doing is not counted against the caller: a database that is away, a queue that is full."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from secrets import token_urlsafe
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.container import Container as AuthContainer
from modules.auth.passwords.hashing import PasswordHasher
from shared.container import Runtime
from shared.errors import Unavailable
from shared.testing.envelope import assert_failure
from tests.api.failing import failing_commits, failing_statements
from tests.auth.emails import change_email, request_verification
from tests.auth.recovery import change, forgot, reset
from tests.auth.test_login import attempt
from tests.auth.test_refresh import refresh
from tests.auth.test_register import registration
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up
from tests.shared.tries import REDIS_URL, patient

# What is shown here is what is counted, not how a database stores it.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

WRONG = "not the password at all"
TRIES = 3

_numbers = count(1)


@dataclass(frozen=True)
class Case:
    """A try that a setting limits, and what it is answered without the database and with it."""

    setting: str
    call: Callable[[httpx.AsyncClient, Account], Awaitable[httpx.Response]]
    when_away: int = 503
    when_back: frozenset[int] = field(default=frozenset({200, 201, 202}))
    answered: str | None = None
    """The table of which the database still tells: who the caller is."""


async def register(client: httpx.AsyncClient, _user: Account) -> httpx.Response:
    return await client.post("/api/auth/register", json=registration(email=f"new{next(_numbers)}@x.io"))


CASES = [
    Case("login_limit_per_address", lambda client, user: attempt(client, user.email, user.password)),
    Case("register_limit_per_address", register),
    Case("mail_limit_per_address", lambda client, _user: forgot(client, f"{next(_numbers)}@x.io"), when_away=202),
    Case("mail_limit_per_address", lambda client, _user: reset(client, "no-token"), when_back=frozenset({400})),
    Case("mail_limit_per_account", lambda client, user: forgot(client, user.email), when_away=202),
    Case("mail_limit_per_account", request_verification, answered="auth_sessions"),
    Case(
        "mail_limit_per_account",
        lambda client, user: change_email(client, user, f"{next(_numbers)}@x.io"),
        answered="auth_sessions",
    ),
    Case("refresh_limit_per_address", lambda client, user: refresh(client, user.tokens["refresh_token"])),
    Case("refresh_limit_per_session", lambda client, user: refresh(client, user.tokens["refresh_token"])),
    Case(
        "password_limit_per_session",
        lambda client, user: change(client, user, WRONG),
        when_back=frozenset({403}),
        answered="auth_sessions",
    ),
    Case(
        "password_limit_per_user",
        lambda client, user: change_email(client, user, f"{next(_numbers)}@x.io"),
        answered="auth_sessions",
    ),
]

# What these count has a test of its own.
FAILURES = {"login_failure_limit_per_address", "login_failure_limit_per_account"}
MAILS = {"mail_limit_per_recipient"}


def test_every_limit_is_tried(backend: str) -> None:
    assert {case.setting for case in CASES} | FAILURES | MAILS == set(UNLIMITED)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.setting)
async def test_item_18_a_database_that_is_away_uses_up_nobodys_tries(make_app: MakeApp, case: Case) -> None:
    app = make_app(auth=UNLIMITED | {case.setting: f"{TRIES}/hour"})
    runtime: Runtime = app.state.runtime
    async with client_of(app) as client:
        user = await sign_up(client)
        runtime.shared.throttle()._here._tries.clear()
        with failing_statements(app, but=case.answered):
            away = [(await case.call(client, user)).status_code for _ in range(TRIES)]
            await runtime.shared.background().close()

        answers = [(await case.call(client, user)).status_code for _ in range(TRIES + 1)]

    assert away == [case.when_away] * TRIES
    assert set(answers[:TRIES]) <= case.when_back
    assert answers[TRIES] == 429


@pytest.fixture(params=["memory", "redis"])
def limited(request: pytest.FixtureRequest, make_app: MakeApp) -> FastAPI:
    """An application that lets an account fail three times, wherever it counts."""
    storage = {}
    if request.param == "redis":
        if not REDIS_URL:
            pytest.skip("TEST_REDIS_URL is not set")
        # With a key of its own, nobody else counts under the same names.
        storage = {"throttle_storage": patient(REDIS_URL), "jwt_secret_key": token_urlsafe(48)}
    unlimited = UNLIMITED | dict.fromkeys(FAILURES, f"{TRIES}/minute")
    return make_app(auth=unlimited | {"bcrypt_cost": 5}, **storage)


@pytest.mark.parametrize("fault", ["statements", "commits", "queue"])
async def test_item_18_the_right_password_is_no_failure_whatever_goes_wrong_with_it(
    limited: FastAPI, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, hasher = limited, limited.state.runtime.of(AuthContainer).hasher()

    async def refuse(_password: str, _stored: str | None) -> bool:
        raise Unavailable

    async with client_of(app) as client:
        user = await sign_up(client)
        with monkeypatch.context() as patch:
            if fault == "queue":
                patch.setattr(hasher, "verify", refuse)
            faults: dict[str, Any] = {"statements": failing_statements, "commits": failing_commits}
            with faults.get(fault, lambda _app: patch.context())(app):
                for _ in range(2 * TRIES):
                    assert_failure(await attempt(client, user.email, user.password), 503, "unavailable")

        for _ in range(TRIES):
            assert await log_in(client, user.email, user.password)
        wrong = [(await attempt(client, user.email, WRONG)).status_code for _ in range(TRIES + 1)]

    assert wrong == [401] * TRIES + [429]


async def test_item_18_a_login_that_is_broken_off_is_no_failure(limited: FastAPI) -> None:
    """A server other than uvicorn may end the work on a request whose client has gone."""
    async with client_of(limited) as client:
        user = await sign_up(client)
        for _ in range(2 * TRIES):
            broken_off = asyncio.ensure_future(attempt(client, user.email, WRONG))
            await until_hashing(limited)
            broken_off.cancel()
            with pytest.raises(asyncio.CancelledError):
                await broken_off

        assert [(await attempt(client, user.email, WRONG)).status_code for _ in range(TRIES)] == [401] * TRIES


async def until_hashing(app: FastAPI) -> None:
    runtime: Runtime = app.state.runtime
    hasher: PasswordHasher = runtime.of(AuthContainer).hasher()
    idle = hasher._free
    while hasher._free == idle:  # noqa: ASYNC110 - it asks a database first
        await asyncio.sleep(0)


async def test_a_wrong_password_counts_although_it_cannot_be_noted(limited: FastAPI) -> None:
    async with client_of(limited) as client:
        user = await sign_up(client)
        with failing_commits(limited):
            for _ in range(TRIES):
                assert_failure(await attempt(client, user.email, WRONG), 503, "unavailable")

        assert_failure(await attempt(client, user.email, WRONG), 429, "too_many_requests")


async def test_item_11_a_login_succeeds_although_there_is_no_room_for_a_new_hash(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with client_of(make_app()) as client:
        user = await sign_up(client)
    dearer = make_app(auth={"bcrypt_cost": 5})

    async def refuse(_password: str) -> str:
        raise Unavailable

    monkeypatch.setattr(dearer.state.runtime.of(AuthContainer).hasher(), "hash", refuse)
    async with client_of(dearer) as client:
        assert await log_in(client, user.email, user.password)

    assert "rehash_failed" in capsys.readouterr().err


async def test_the_wait_that_is_told_is_the_longest_of_all_that_stand_in_the_way(make_app: MakeApp) -> None:
    """Of the address a minute, of the account five: whoever comes after one would be refused again."""
    limits = {
        "login_limit_per_address": "4/minute",
        "login_failure_limit_per_address": "3/2 minutes",
        "login_failure_limit_per_account": "3/5 minutes",
        "mail_limit_per_address": "2/minute",
        "mail_limit_per_account": "2/hour",
        "refresh_limit_per_address": "2/2 minutes",
        "refresh_limit_per_session": "2/minute",
    }
    app = make_app(auth=UNLIMITED | limits)
    async with client_of(app) as client:
        user = await sign_up(client)
        waits = [
            await wait_after(TRIES, lambda: attempt(client, user.email, WRONG)),
            await wait_after(2, lambda: forgot(client, user.email)),
            await wait_after(2, lambda: refresh(client, user.tokens["refresh_token"])),
        ]
        of_the_address = int((await attempt(client, "another@x.io", WRONG)).headers["retry-after"])

    assert [round(wait, -1) for wait in waits] == [300, 3600, 120]
    assert 100 < of_the_address <= 120


async def wait_after(tries: int, call: Callable[[], Awaitable[httpx.Response]]) -> int:
    for _ in range(tries):
        assert (await call()).status_code != 429
    refused = await call()
    assert_failure(refused, 429, "too_many_requests")
    return int(refused.headers["retry-after"])


async def test_a_client_that_has_had_its_tries_uses_up_none_of_an_account(make_app: MakeApp) -> None:
    app = make_app(auth=UNLIMITED | {"mail_limit_per_address": "2/hour", "mail_limit_per_account": "1/hour"})
    async with client_of(app, "203.0.113.7") as stranger:
        for number in range(2):
            assert (await forgot(stranger, f"{number}@x.io")).status_code == 202
        for _ in range(5):
            assert_failure(await forgot(stranger, "ada@x.io"), 429, "too_many_requests")
    async with client_of(app, "203.0.113.8") as ada:
        assert (await forgot(ada, "ada@x.io")).status_code == 202
        assert_failure(await forgot(ada, "ada@x.io"), 429, "too_many_requests")
