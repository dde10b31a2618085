"""Proving the current password again: a thief in a stolen session guesses little, and keeps nobody out."""

import asyncio

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.container import Container
from modules.auth.settings import Settings as AuthSettings
from shared.errors import Unavailable
from shared.testing.envelope import assert_failure, data_of
from shared.throttle import rate_limits
from tests.api.failing import failing_statements
from tests.auth.emails import change_email
from tests.auth.recovery import change
from tests.auth.test_refresh import refresh
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up

# What is shown here is what is counted, not how a database stores it.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

WRONG = "not the password at all"
LONG = "5/minute; 20/hour; 100/30 days"


async def elsewhere(client: httpx.AsyncClient, user: Account) -> Account:
    """The same user in another session."""
    return Account(**vars(user) | {"tokens": await log_in(client, user.email, user.password)})


async def guess(client: httpx.AsyncClient, user: Account, number: int) -> httpx.Response:
    """By either way in turn."""
    return await (change(client, user, WRONG) if number % 2 else change_email(client, user, "thief@x.io", WRONG))


async def test_item_09_the_current_password_cannot_be_guessed_in_a_stolen_session(
    client: httpx.AsyncClient, user: Account
) -> None:
    for number in range(5):
        assert_failure(await guess(client, user, number), 403, "invalid_credentials")

    # The right one would tell that it is right; nor does a refreshed token give more tries.
    user.tokens = data_of(await refresh(client, user.tokens["refresh_token"]))
    for refused in (
        await change(client, user, user.password),
        await change_email(client, user, "new@example.com"),
    ):
        assert_failure(refused, 429, "too_many_requests")
        assert 0 < int(refused.headers["retry-after"]) <= 60


async def test_item_09_wrong_current_passwords_do_not_lock_the_owner_out_of_another_session(
    client: httpx.AsyncClient, user: Account
) -> None:
    owner = await elsewhere(client, user)

    # In the same moment, and ever after.
    *_, at_once = await asyncio.gather(
        *(guess(client, user, number) for number in range(12)), change_email(client, owner, "new@example.com")
    )
    data_of(at_once, 202)
    data_of(await change_email(client, owner, "new@example.com"), 202)
    data_of(await change(client, owner, owner.password))


async def test_item_09_behind_the_minute_stands_a_longer_window(make_app: MakeApp) -> None:
    assert AuthSettings.model_fields["password_limit_per_session"].default == rate_limits(LONG)
    async with client_of(make_app(auth={"password_limit_per_session": "100/minute; 7/hour"})) as client:
        user = await sign_up(client)
        for number in range(7):
            assert_failure(await guess(client, user, number), 403, "invalid_credentials")

        refused = await change(client, user, user.password)

        assert_failure(refused, 429, "too_many_requests")
        assert 3500 < int(refused.headers["retry-after"]) <= 3600
        # A new login, which wants the password, is a new session.
        data_of(await change(client, await elsewhere(client, user), user.password))


async def test_item_09_a_right_password_ends_the_count_of_wrong_ones(make_app: MakeApp) -> None:
    async with client_of(make_app(auth=UNLIMITED | {"password_limit_per_session": "3/minute; 4/hour"})) as client:
        user = await sign_up(client)
        for _ in range(2):
            for number in range(2):
                assert_failure(await guess(client, user, number), 403, "invalid_credentials")
            data_of(await change_email(client, user, "new@example.com"), 202)

        answers = [(await guess(client, user, number)).status_code for number in range(4)]

    assert answers == [403, 403, 403, 429]


async def test_item_09_right_passwords_are_limited_too(make_app: MakeApp) -> None:
    async with client_of(make_app(auth=UNLIMITED | {"password_limit_per_user": "2/minute"})) as client:
        user = await sign_up(client)
        another = await elsewhere(client, user)
        for number in range(3):
            assert_failure(await guess(client, user, number), 403, "invalid_credentials")
        for who in (user, another):
            data_of(await change_email(client, who, "new@example.com"), 202)

        assert_failure(await change_email(client, user, "new@example.com"), 429, "too_many_requests")


async def test_item_09_of_twenty_guesses_at_once_in_a_session_five_are_judged(
    client: httpx.AsyncClient, user: Account
) -> None:
    answers = await asyncio.gather(*(guess(client, user, number) for number in range(20)))

    assert sorted(answer.status_code for answer in answers) == [403] * 5 + [429] * 15


async def test_item_09_what_nobody_could_judge_is_no_wrong_password(
    app: FastAPI, client: httpx.AsyncClient, user: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = app.state.runtime.of(Container).hasher()

    async def refuse(_password: str, _stored: str | None) -> bool:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(hasher, "verify", refuse)
        for number in range(10):
            assert_failure(await guess(client, user, number), 503, "unavailable")
    with failing_statements(app, but="auth_sessions"):
        for number in range(10):
            assert_failure(await guess(client, user, number), 503, "unavailable")

    for number in range(4):
        assert_failure(await guess(client, user, number), 403, "invalid_credentials")
    data_of(await change(client, user, user.password))
