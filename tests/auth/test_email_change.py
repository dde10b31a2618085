"""Confirming an address, and moving to another one."""

import asyncio

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of, input_errors
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change, request_verification, verify
from tests.auth.recovery import NEW, change
from tests.auth.roles import audited
from tests.auth.test_login import attempt, deactivate
from tests.auth.test_refresh import is_logged_in
from tests.conftest import UNLIMITED, Account, MakeApp, MovableClock, client_of, log_in, sign_up

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

MOVED = "moved@example.com"


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, public_url="https://app.example.com", auth=UNLIMITED)


async def me(client: httpx.AsyncClient, user: Account) -> tuple[str, bool]:
    """The caller's address, and whether it is verified."""
    data = data_of(await client.get("/api/users/me", headers=user.headers))
    return data["email"], data["email_verified"]


async def sent(app: FastAPI, mailbox: Mailbox) -> list[tuple[str, str]]:
    """To whom mails have gone since the last time, and their subjects."""
    await app.state.runtime.shared.background().close()
    mails = [(str(mail["To"]), str(mail["Subject"])) for mail in mailbox.mails]
    mailbox.mails.clear()
    return mails


async def test_a_new_account_confirms_its_address_with_the_link(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    mail = await mailbox.next_mail(to=user.email)
    assert "https://app.example.com/verify-email#token=" in mail.get_content()
    assert await me(client, user) == (user.email, False)

    assert data_of(await verify(client, user, link_token(mail))) is None

    assert await me(client, user) == (user.email, True)
    assert_failure(await verify(client, user, link_token(mail)), 400, "invalid_token")
    assert len(await audited(client, admin, user_id=user.id, event="email_verified")) == 1


async def test_the_link_to_confirm_can_be_asked_for_again_until_it_was_used(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    first = link_token(await mailbox.next_mail(to=user.email))
    assert data_of(await request_verification(client, user), 202) is None
    second = link_token(await mailbox.next_mail(to=user.email))
    assert second != first
    data_of(await verify(client, user, first))
    assert_failure(await verify(client, user, second), 400, "invalid_token")
    await sent(app, mailbox)

    data_of(await request_verification(client, user), 202)

    assert await sent(app, mailbox) == []


@ON_SQLITE
async def test_mails_to_oneself_are_limited(mailbox: Mailbox, make_app: MakeApp) -> None:
    app = make_app(smtp_url=mailbox.url)
    async with client_of(app) as client:
        user, other = await sign_up(client), await sign_up(client)
        answers = [await request_verification(client, user) for _ in range(4)]
        answers += [await change_email(client, user, f"{number}@x.io") for number in range(2)]
        assert [answer.status_code for answer in answers] == [202] * 5 + [429]
        data_of(await request_verification(client, other), 202)


@ON_SQLITE
async def test_a_link_to_confirm_lasts_for_a_day(
    client: httpx.AsyncClient, clock: MovableClock, user: Account, mailbox: Mailbox
) -> None:
    token = link_token(await mailbox.next_mail(to=user.email))
    clock.advance(hours=25)
    user.tokens = await log_in(client, user.email, user.password)
    assert_failure(await verify(client, user, token), 400, "invalid_token")

    data_of(await request_verification(client, user), 202)
    token = link_token(await mailbox.next_mail(to=user.email))
    clock.advance(hours=23)
    user.tokens = await log_in(client, user.email, user.password)
    data_of(await verify(client, user, token))


async def test_an_address_changes_when_the_new_one_is_confirmed_and_the_old_one_is_told(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    await sent(app, mailbox)
    assert data_of(await change_email(client, user, MOVED), 202) is None
    mail = await mailbox.next_mail(to=MOVED)
    assert "https://app.example.com/confirm-email-change#token=" in mail.get_content()
    assert await me(client, user) == (user.email, False)
    assert [to for to, _ in await sent(app, mailbox)] == [MOVED], "nothing has changed yet"

    assert data_of(await confirm_change(client, user, link_token(mail))) is None

    assert await me(client, user) == (MOVED, True)
    assert [to for to, _ in await sent(app, mailbox)] == [user.email]
    assert_failure(await attempt(client, user.email, user.password), 401, "invalid_credentials")
    assert await log_in(client, MOVED, user.password)
    assert await is_logged_in(client, user.tokens)
    events = [one for one in await audited(client, admin, user_id=user.id) if one["event"].startswith("email")]
    assert [(one["event"], one["actor_id"]) for one in events] == [
        ("email_change_requested", user.id),
        ("email_changed", user.id),
    ]


async def test_the_old_address_is_free_then(client: httpx.AsyncClient, user: Account, mailbox: Mailbox) -> None:
    data_of(await change_email(client, user, MOVED), 202)
    data_of(await confirm_change(client, user, link_token(await mailbox.next_mail(to=MOVED))))

    body = {"email": user.email, "password": NEW}
    data_of(await client.post("/api/auth/register", json=body), 201)


async def test_the_current_password_is_asked_for(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    await sent(app, mailbox)

    assert_failure(await change_email(client, user, MOVED, "not the password"), 403, "invalid_credentials")

    assert await sent(app, mailbox) == []


async def test_nothing_tells_that_another_address_has_an_account(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    other = await sign_up(client)
    await sent(app, mailbox)

    taken, free = [await change_email(client, user, email) for email in (other.email.upper(), MOVED)]

    assert taken.status_code == free.status_code == 202
    assert taken.json() | {"request_id": ""} == free.json() | {"request_id": ""}
    assert [to for to, _ in await sent(app, mailbox)] == [MOVED], "who has the account there asked for nothing"


async def test_of_several_changes_the_confirmed_one_counts_and_voids_the_others(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    tokens = []
    for email in ("first@x.io", "second@x.io"):
        data_of(await change_email(client, user, email), 202)
        tokens.append(link_token(await mailbox.next_mail(to=email)))

    data_of(await confirm_change(client, user, tokens[1]))

    for token in tokens:
        assert_failure(await confirm_change(client, user, token), 400, "invalid_token")
    assert await me(client, user) == ("second@x.io", True)


async def test_of_ten_confirmations_at_once_one_succeeds(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    data_of(await change_email(client, user, MOVED), 202)
    token = link_token(await mailbox.next_mail(to=MOVED))
    await sent(app, mailbox)

    answers = await asyncio.gather(*(confirm_change(client, user, token) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert [to for to, _ in await sent(app, mailbox)] == [user.email]


async def test_a_changed_password_and_a_deactivation_void_the_link(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    other = await sign_up(client)
    for account, email in ((user, "first@x.io"), (other, "second@x.io")):
        data_of(await change_email(client, account, email), 202)
    data_of(await change(client, user, user.password))
    await deactivate(client, admin, other)
    data_of(await client.post(f"/api/users/{other.id}/activate", headers=admin.headers))
    other.tokens = await log_in(client, other.email, other.password)

    for account, email in ((user, "first@x.io"), (other, "second@x.io")):
        token = link_token(await mailbox.next_mail(to=email))
        assert_failure(await confirm_change(client, account, token), 400, "invalid_token")


async def test_an_old_address_cannot_be_confirmed_any_more(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    old = link_token(await mailbox.next_mail(to=user.email))
    data_of(await change_email(client, user, MOVED), 202)
    data_of(await confirm_change(client, user, link_token(await mailbox.next_mail(to=MOVED))))

    assert_failure(await verify(client, user, old), 400, "invalid_token")


@ON_SQLITE
async def test_another_spelling_of_the_own_address_can_be_chosen_without_a_notice(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    spelling = user.email.replace("person", "Person")
    await sent(app, mailbox)
    data_of(await change_email(client, user, spelling), 202)
    data_of(await confirm_change(client, user, link_token(await mailbox.next_mail(to=spelling))))

    assert (await me(client, user))[0] == spelling
    assert len(await sent(app, mailbox)) == 1


@ON_SQLITE
async def test_a_new_address_is_an_address(client: httpx.AsyncClient, user: Account) -> None:
    for email in ("Foo <a@x.io>", "a@x.io\nBcc: b@x.io", "a", ""):
        assert [loc for loc, _ in input_errors(await change_email(client, user, email))] == [("body", "new_email")]


@ON_SQLITE
async def test_a_changed_password_is_told_to_its_owner(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    await sent(app, mailbox)
    assert_failure(await change(client, user, "not the password"), 403, "invalid_credentials")
    assert await sent(app, mailbox) == []

    data_of(await change(client, user, user.password))

    assert [to for to, _ in await sent(app, mailbox)] == [user.email]
    (event,) = await audited(client, admin, user_id=user.id, event="password_changed")
    assert (event["actor_id"], event["session_id"]) == (user.id, user.tokens["session_id"])
