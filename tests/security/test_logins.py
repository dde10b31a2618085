"""Guessing passwords: what section B of the checklist says of logins."""

import asyncio
import threading
from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from modules.auth.container import Container as AuthContainer
from modules.auth.passwords.hashing import PasswordHasher
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of, input_errors
from shared.testing.mailbox import Mailbox
from tests.auth.recovery import reset, reset_token
from tests.auth.roles import audited
from tests.auth.test_login import attempt
from tests.auth.test_refresh import refresh
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up
from tests.shared.test_throttle import WallClock, wall_clock  # noqa: F401 - a fixture

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

WRONG = "not the password at all"
UNKNOWN = "nobody@example.com"

# With the limits as delivered; a person would not sign up as often as a test.
PATIENT = dict.fromkeys(("register_limit_per_address", "login_limit_per_address"), "none")

_addresses = (f"198.51.100.{number}" for number in count(1))


async def attempt_from(app: FastAPI, address: str, email: str, password: str = WRONG) -> httpx.Response:
    async with client_of(app, address) as client:
        return await attempt(client, email, password)


async def keep_busy(hasher: PasswordHasher, done: threading.Event) -> list[asyncio.Future[bool]]:
    """Take every place there is until `done`."""
    busy: list[asyncio.Future[bool]] = [asyncio.ensure_future(hasher._run(done.wait)) for _ in range(hasher._free)]
    await asyncio.sleep(0)  # now they have begun
    return busy


async def statuses(*attempts: Any) -> list[int]:
    return [(await one).status_code for one in attempts]


async def test_item_16_an_account_is_limited_wherever_the_tries_come_from(app: FastAPI, user: Account) -> None:
    for email in (user.email, UNKNOWN):
        answers = [await attempt_from(app, next(_addresses), email) for _ in range(7)]

        assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
        for refused in answers[5:]:
            assert_failure(refused, 429, "too_many_requests")
            assert 1 <= int(refused.headers["retry-after"]) <= 300
    # The right password is no way to learn that the limit is about an account that exists.
    assert_failure(await attempt_from(app, next(_addresses), user.email, user.password), 429, "too_many_requests")


async def test_item_16_the_refusals_of_known_and_unknown_accounts_look_the_same(app: FastAPI, user: Account) -> None:
    refusals = []
    for email in (user.email, UNKNOWN):
        for _ in range(6):
            answer = await attempt_from(app, next(_addresses), email)
        headers = set(answer.headers) - {"x-request-id"}
        refusals.append((answer.status_code, headers, {**answer.json(), "request_id": ""}))

    assert refusals[0] == refusals[1]


async def test_item_16_another_spelling_of_the_address_is_the_same_account(app: FastAPI) -> None:
    spellings = ["ada@x.io", "Ada@x.io", "ADA@X.IO", "ada@X.io", "\uff41da@x.io", "aDa@x.io"]

    assert await statuses(*(attempt_from(app, next(_addresses), one) for one in spellings)) == [401] * 5 + [429]


async def test_item_16_an_address_is_limited_whichever_accounts_it_tries(make_app: MakeApp) -> None:
    app, attacker = make_app(auth=PATIENT), next(_addresses)
    async with client_of(app) as client:
        user = await sign_up(client)

        assert await statuses(*(attempt_from(app, attacker, f"{n}@x.io") for n in range(12))) == [401] * 10 + [429] * 2
        assert_failure(await attempt_from(app, attacker, user.email, user.password), 429, "too_many_requests")
        # Nobody else has to suffer for it.
        assert await log_in(client, user.email, user.password)


async def test_item_16_behind_a_proxy_each_client_is_counted_for_itself(make_app: MakeApp) -> None:
    app = make_app(trusted_proxies="127.0.0.1", auth=PATIENT)
    async with client_of(app) as proxy:

        async def forwarded(client: str, number: int) -> int:
            proxy.headers["x-forwarded-for"] = client
            return (await attempt(proxy, f"{number}@x.io", WRONG)).status_code

        assert [await forwarded("203.0.113.7", number) for number in range(11)] == [401] * 10 + [429]
        assert await forwarded("203.0.113.8", 11) == 401
        # What a client claims in front of what the proxy says makes it nobody else.
        assert await forwarded("203.0.113.99, 203.0.113.7", 12) == 429


async def test_item_16_successes_are_no_failures(make_app: MakeApp) -> None:
    app = make_app(auth=PATIENT)
    async with client_of(app) as client:
        user = await sign_up(client)
        for _ in range(12):
            assert await log_in(client, user.email, user.password)
        for _ in range(3):
            assert await statuses(*(attempt(client, user.email, WRONG) for _ in range(3))) == [401] * 3
            assert await log_in(client, user.email, user.password)
        # Of this address nine have failed by now, of this account none.
        assert await statuses(*(attempt(client, user.email, WRONG) for _ in range(2))) == [401, 429]


async def test_item_16_all_logins_of_an_address_are_limited_too(app: FastAPI) -> None:
    async with client_of(app) as client:
        user = await sign_up(client)
        answers = [(await attempt(client, user.email, user.password)).status_code for _ in range(31)]

    assert answers == [200] * 29 + [429] * 2


async def test_item_17_of_fifty_guesses_at_once_five_are_tried(make_app: MakeApp) -> None:
    unlimited_by_address = {name: "none" for name in UNLIMITED if name.endswith("address")}
    app = make_app(auth=unlimited_by_address | {"hash_queue": 100})
    async with client_of(app) as client:
        user = await sign_up(client)
        for email in (user.email, UNKNOWN):
            answers = await asyncio.gather(*(attempt(client, email, WRONG) for _ in range(50)))
            assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 45


async def test_item_17_of_fifty_accounts_guessed_at_once_from_one_address_ten_are_tried(make_app: MakeApp) -> None:
    async with client_of(make_app(auth=PATIENT)) as client:
        answers = await asyncio.gather(*(attempt(client, f"{number}@x.io", WRONG) for number in range(50)))

    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 40


async def test_item_18_a_lockout_ends_by_itself(
    app: FastAPI,
    user: Account,
    wall_clock: WallClock,  # noqa: F811 - the fixture
) -> None:
    for _ in range(8):
        await attempt_from(app, next(_addresses), user.email)
    wall_clock.ahead = 290
    refused = await attempt_from(app, next(_addresses), user.email, user.password)
    assert_failure(refused, 429, "too_many_requests")

    wall_clock.ahead += int(refused.headers["retry-after"]) + 1

    assert (await attempt_from(app, next(_addresses), user.email, user.password)).status_code == 200


async def test_item_18_a_reset_by_mail_ends_a_lockout_at_once(mailbox: Mailbox, make_app: MakeApp) -> None:
    app = make_app(smtp_url=mailbox.url)
    async with client_of(app) as client:
        user = await sign_up(client)
        for _ in range(6):
            await attempt_from(app, next(_addresses), user.email)
        assert_failure(await attempt(client, user.email, user.password), 429, "too_many_requests")

        data_of(await reset(client, await reset_token(client, mailbox, user.email), WRONG))

        assert await log_in(client, user.email, WRONG)


@pytest.mark.parametrize("when", ["before", "later"])
async def test_item_18_what_nobody_had_the_time_to_check_is_no_failure(make_app: MakeApp, when: str) -> None:
    app = make_app(auth=PATIENT | {"hash_queue": 0})
    runtime: Runtime = app.state.runtime
    hasher, tried = runtime.of(AuthContainer).hasher(), runtime.shared.throttle()._here
    done = threading.Event()
    async with client_of(app) as client:
        busy = await keep_busy(hasher, done) if when == "before" else []
        attempts = [asyncio.ensure_future(attempt(client, UNKNOWN, WRONG)) for _ in range(5)]
        try:
            while when == "later" and not len(tried):  # noqa: ASYNC110 - until they are let in and ask the database
                await asyncio.sleep(0)
            busy = busy or await keep_busy(hasher, done)
            assert await statuses(*attempts) == [503] * 5
        finally:
            done.set()
            await asyncio.gather(*busy)

        assert await statuses(*(attempt(client, UNKNOWN, WRONG) for _ in range(6))) == [401] * 5 + [429]


async def test_item_10_a_login_that_nobody_has_time_for_is_refused_before_any_other_work(make_app: MakeApp) -> None:
    app = make_app(auth={"hash_queue": 0})
    runtime: Runtime = app.state.runtime
    hasher = runtime.of(AuthContainer).hasher()
    done = threading.Event()
    statements: list[Any] = []
    event.listen(runtime.shared.database().engine.sync_engine, "before_cursor_execute", lambda *a: statements.append(a))
    busy = await keep_busy(hasher, done)
    try:
        async with client_of(app) as client:
            refusals = [await attempt(client, UNKNOWN, WRONG) for _ in range(50)]
    finally:
        done.set()
        await asyncio.gather(*busy)

    for refused in refusals:
        assert_failure(refused, 503, "unavailable")
    assert not statements


async def test_item_80_what_happens_at_the_door_is_noted(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    for _ in range(8):
        await attempt_from(app, "203.0.113.7", user.email)
    await attempt_from(app, "203.0.113.8", UNKNOWN)

    of_user = await audited(client, admin, user_id=user.id)
    assert [event["event"] for event in of_user] == [
        "account_registered",
        "login_succeeded",
        *["login_failed"] * 5,
        "login_locked_out",
    ]
    assert of_user[1]["session_id"] == user.tokens["session_id"]
    assert {event["ip"] for event in of_user[2:]} == {"203.0.113.7"}
    of_nobody = [event for event in await audited(client, admin, event="login_failed") if event["user_id"] is None]
    # Without what was typed: people type passwords in place of addresses.
    assert [(event["ip"], event["details"]) for event in of_nobody] == [("203.0.113.8", {})]


async def test_item_24_answers_with_tokens_are_not_kept(client: httpx.AsyncClient, user: Account) -> None:
    for answer in (
        await attempt(client, user.email, user.password),
        await refresh(client, user.tokens["refresh_token"]),
        await client.get("/api/users/me", headers=user.headers),
        await attempt(client, user.email, WRONG),
    ):
        assert answer.headers["cache-control"] == "no-store"


async def test_item_24_nothing_secret_is_taken_from_an_address(client: httpx.AsyncClient, user: Account) -> None:
    for name in ("access_token", "token", "authorization"):
        answer = await client.get("/api/users/me", params={name: user.tokens["access_token"]})
        assert_failure(answer, 401, "not_authenticated")
    in_the_address = await client.post("/api/auth/refresh", params={"refresh_token": user.tokens["refresh_token"]})
    assert input_errors(in_the_address)
    paths: dict[str, dict[str, dict[str, Any]]] = (await client.get("/openapi.json")).json()["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    parameters = [one for operation in operations for one in operation.get("parameters", ())]
    named = {one["name"] for one in parameters if one["in"] in {"path", "query"}}

    assert "user_id" in named
    assert not {name for name in named if any(word in name for word in ("token", "password", "secret", "key"))}
