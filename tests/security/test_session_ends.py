"""What ends the sessions of a user, at once and for both tokens; the deactivation is in tests/auth."""

from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change
from tests.auth.recovery import NEW, change, reset, reset_token
from tests.auth.test_logout import is_over
from tests.auth.test_refresh import is_logged_in, refresh
from tests.conftest import Account, MakeApp, client_of, log_in
from tests.security.test_sessions import listed_ids

MOVED = "moved@example.com"


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url)


async def sessions(client: httpx.AsyncClient, user: Account) -> list[dict[str, Any]]:
    """Three of them; the last one has been refreshed."""
    another, third = [await log_in(client, user.email, user.password) for _ in range(2)]
    return [user.tokens, another, data_of(await refresh(client, third["refresh_token"]))]


async def test_item_44_a_changed_password_ends_every_session_but_this(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    this, *others = await sessions(client, user)

    assert data_of(await change(client, user, user.password)) is None

    async with client_of(make_app()) as elsewhere:
        for where in (client, elsewhere):
            assert [await is_over(where, one) for one in others] == [True, True]
            assert await is_logged_in(where, this)
    assert await is_logged_in(client, data_of(await refresh(client, this["refresh_token"])))
    assert await listed_ids(client, this) == [this["session_id"]]
    assert not await is_over(client, admin.tokens)


async def test_item_44_a_change_that_is_refused_ends_nothing(client: httpx.AsyncClient, user: Account) -> None:
    everything = await sessions(client, user)

    assert_failure(await change(client, user, "not the current password"), 403, "invalid_credentials")
    assert_failure(await change(client, user, user.password, "short"), 422, "validation_error")
    assert_failure(await reset(client, "x" * 43), 400, "invalid_token")

    assert [await is_over(client, one) for one in everything] == [False] * 3


async def test_item_44_a_reset_ends_every_session(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    everything = await sessions(client, user)
    token = await reset_token(client, mailbox, user.email)
    assert [await is_logged_in(client, one) for one in everything] == [True] * 3

    assert data_of(await reset(client, token)) is None

    assert [await is_over(client, one) for one in everything] == [True] * 3
    assert not await is_over(client, admin.tokens)
    tokens = await log_in(client, user.email, NEW)
    assert await listed_ids(client, tokens) == [tokens["session_id"]]


async def test_item_44_a_changed_address_ends_every_session_but_this(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    this, *others = await sessions(client, user)
    data_of(await change_email(client, Account(**vars(user) | {"tokens": others[0]}), MOVED), 202)
    assert [await is_logged_in(client, one) for one in others] == [True, True], "nothing has changed yet"

    data_of(await confirm_change(client, user, link_token(await mailbox.next_mail(to=MOVED))))

    async with client_of(make_app()) as elsewhere:
        for where in (client, elsewhere):
            # The one that confirmed stays, whichever had asked.
            assert [await is_over(where, one) for one in others] == [True, True]
            assert await is_logged_in(where, this)
    assert await is_logged_in(client, data_of(await refresh(client, this["refresh_token"])))
    assert await listed_ids(client, this) == [this["session_id"]]
    assert not await is_over(client, admin.tokens)
    assert await is_logged_in(client, await log_in(client, MOVED, user.password))


async def test_item_44_a_change_of_address_that_is_refused_ends_nothing(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    everything = await sessions(client, user)
    data_of(await change_email(client, user, MOVED), 202)
    token = link_token(await mailbox.next_mail(to=MOVED))

    assert_failure(await confirm_change(client, admin, token), 400, "invalid_token")
    assert_failure(await confirm_change(client, user, "x" * 43), 400, "invalid_token")
    data_of(await client.post("/api/users", headers=admin.headers, json={"email": MOVED}), 201)
    assert_failure(await confirm_change(client, user, token), 409, "email_taken")

    assert [await is_over(client, one) for one in everything] == [False] * 3
    assert not await is_over(client, admin.tokens)


async def test_item_44_a_deletion_ends_every_session(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    everything = await sessions(client, user)

    assert data_of(await client.delete(f"/api/users/{user.id}", headers=admin.headers)) is None

    assert [await is_over(client, one) for one in everything] == [True] * 3
    assert not await is_over(client, admin.tokens)
