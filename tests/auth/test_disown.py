"""Whoever reads the mail decides, not whoever registered the address: a login to confirm, and "this was not me"."""

import asyncio
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.container import Container
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change, disown, request_verification, verify
from tests.auth.recovery import NEW, reset, reset_token
from tests.auth.roles import audited
from tests.auth.test_login import attempt
from tests.auth.test_logout import is_over
from tests.auth.test_refresh import is_logged_in
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

VICTIM = "victim@example.com"


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, public_url="https://app.example.com", auth=UNLIMITED)


async def is_verified(client: httpx.AsyncClient, user: Account) -> bool:
    return bool(data_of(await client.get("/api/users/me", headers=user.headers))["email_verified"])


async def test_a_link_without_a_login_confirms_nothing(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    token = link_token(await mailbox.next_mail(to=user.email))

    for path in ("verify", "change/confirm"):
        answer = await client.post(f"/api/auth/email/{path}", json={"token": token})
        assert_failure(answer, 401, "not_authenticated")

    assert not await is_verified(client, user)
    data_of(await verify(client, user, token))


async def test_anothers_link_confirms_nothing_and_stays_good(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    token = link_token(await mailbox.next_mail(to=user.email))
    data_of(await change_email(client, user, VICTIM), 202)
    change = link_token(await mailbox.next_mail(to=VICTIM))

    assert_failure(await verify(client, admin, token), 400, "invalid_token")
    assert_failure(await confirm_change(client, admin, change), 400, "invalid_token")

    assert not await is_verified(client, user)
    data_of(await verify(client, user, token))
    data_of(await confirm_change(client, user, change))


async def test_any_login_of_the_account_confirms(client: httpx.AsyncClient, user: Account, mailbox: Mailbox) -> None:
    elsewhere = Account(user.id, user.email, user.password, await log_in(client, user.email, user.password))

    data_of(await verify(client, elsewhere, link_token(await mailbox.next_mail(to=user.email))))

    assert await is_verified(client, user)


async def test_who_registered_anothers_address_is_shut_out_by_whoever_reads_its_mail(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    mail = await mailbox.next_mail(to=user.email)
    assert "https://app.example.com/disown-email#token=" in mail.get_content()

    assert data_of(await disown(client, link_token(mail))) is None

    assert await is_over(client, user.tokens)
    assert_failure(await attempt(client, user.email, user.password), 401, "invalid_credentials")
    assert_failure(await disown(client, link_token(mail)), 400, "invalid_token")
    (event,) = await audited(client, admin, user_id=user.id, event="address_disowned")
    assert (event["actor_id"], event["details"]) == (None, {"asked_for": "verification"})

    # The reader can have the account.
    data_of(await reset(client, await reset_token(client, mailbox, user.email)))
    user.tokens = await log_in(client, user.email, NEW)
    assert await is_verified(client, user)


async def test_nothing_that_was_prepared_before_is_good_afterwards(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    token = link_token(await mailbox.next_mail(to=user.email))
    data_of(await change_email(client, user, "thief@example.com"), 202)
    to_thief = link_token(await mailbox.next_mail(to="thief@example.com"))
    data_of(await disown(client, token))

    data_of(await reset(client, await reset_token(client, mailbox, user.email)))
    user.tokens = await log_in(client, user.email, NEW)

    assert_failure(await confirm_change(client, user, to_thief), 400, "invalid_token")
    assert_failure(await disown(client, to_thief), 400, "invalid_token")


async def test_a_confirmed_account_is_safe_from_old_links(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    first = link_token(await mailbox.next_mail(to=user.email))
    data_of(await request_verification(client, user), 202)
    second = link_token(await mailbox.next_mail(to=user.email))
    data_of(await verify(client, user, second))

    for token in (first, second):
        assert_failure(await disown(client, token), 400, "invalid_token")

    assert await is_logged_in(client, user.tokens)
    assert await log_in(client, user.email, user.password)


async def test_a_link_that_was_asked_for_in_the_moment_of_the_confirmation_harms_nobody(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    data_of(await verify(client, user, link_token(await mailbox.next_mail(to=user.email))))
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        tokens = runtime.of(Container).mail_tokens()
        late = await tokens.issue(session, UUID(user.id), "verification", email=user.email, ttl=600)

    assert_failure(await disown(client, late), 400, "invalid_token")

    assert await is_logged_in(client, user.tokens)
    assert await log_in(client, user.email, user.password)


async def test_who_moved_on_is_safe_from_the_reader_of_the_old_address(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    old = link_token(await mailbox.next_mail(to=user.email))
    data_of(await change_email(client, user, VICTIM), 202)
    data_of(await confirm_change(client, user, link_token(await mailbox.next_mail(to=VICTIM))))

    assert_failure(await disown(client, old), 400, "invalid_token")

    assert await log_in(client, VICTIM, user.password)


async def test_a_change_to_anothers_address_is_called_off_and_the_account_stays_as_it_is(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    data_of(await change_email(client, user, VICTIM), 202)
    mail = await mailbox.next_mail(to=VICTIM)
    assert "https://app.example.com/disown-email#token=" in mail.get_content()

    data_of(await disown(client, link_token(mail)))

    assert_failure(await confirm_change(client, user, link_token(mail)), 400, "invalid_token")
    assert await is_logged_in(client, user.tokens)
    assert await log_in(client, user.email, user.password)
    (event,) = await audited(client, admin, user_id=user.id, event="address_disowned")
    assert event["details"] == {"asked_for": "email_change"}


async def test_of_a_confirmation_and_a_disowning_at_once_one_counts(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    for _ in range(3):
        user = await sign_up(client)
        token = link_token(await mailbox.next_mail(to=user.email))

        confirmed, disowned = await asyncio.gather(verify(client, user, token), disown(client, token))

        assert [confirmed.status_code, disowned.status_code].count(200) == 1
        assert confirmed.status_code in {200, 400, 401}
        assert disowned.status_code in {200, 400}
        assert await is_logged_in(client, user.tokens) == (disowned.status_code == 400)


@ON_SQLITE
async def test_guessing_is_limited(mailbox: Mailbox, make_app: MakeApp) -> None:
    async with client_of(make_app(smtp_url=mailbox.url)) as client:
        answers = [await disown(client, f"guess-{number}") for number in range(21)]

    assert [answer.status_code for answer in answers] == [400] * 20 + [429]
