"""A forgotten password: the link in the mail, and what it takes for it to be good."""

import asyncio
import hashlib

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shared.container import Runtime
from shared.testing.databases import execute
from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change
from tests.auth.recovery import NEW, change, forgot, reset, reset_token
from tests.auth.roles import audited
from tests.auth.test_login import attempt, deactivate
from tests.conftest import UNLIMITED, Account, MakeApp, MovableClock, client_of, log_in, sign_up
from tests.factories import RegisterRequestFactory
from tests.security.test_stored_tokens import everything_stored

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

FRONT_END = "https://app.example.com/base"
UNKNOWN = "nobody@example.com"


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, public_url=FRONT_END, auth=UNLIMITED)


async def everything_sent(app: FastAPI, mailbox: Mailbox) -> list[str]:
    """To whom mails have gone, once nothing is on its way any more."""
    runtime: Runtime = app.state.runtime
    await runtime.shared.background().close()
    return [mail["To"] for mail in mailbox.mails]


async def test_a_forgotten_password_is_replaced_by_mail(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)
    assert await log_in(client, user.email, user.password), "the old one is good until there is another"

    assert data_of(await reset(client, token)) is None

    assert_failure(await attempt(client, user.email, user.password), 401, "invalid_credentials")
    tokens = await log_in(client, user.email, NEW)
    me = await client.get("/api/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert data_of(me)["email_verified"], "whoever has the link reads the mail"
    notice = await mailbox.next_mail(to=user.email)
    assert "#token=" not in notice.get_content()
    assert token not in notice.as_string()
    events = [event for event in await audited(client, admin, user_id=user.id) if "password" in event["event"]]
    assert [event["event"] for event in events] == ["password_reset_requested", "password_reset"]
    assert {(event["ip"], event["actor_id"]) for event in events} == {("127.0.0.1", None)}
    assert all(event["request_id"] for event in events)


@ON_SQLITE
async def test_item_15_nothing_tells_whether_a_forgotten_address_has_an_account(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    gone = await sign_up(client)
    await deactivate(client, admin, gone)
    await everything_sent(app, mailbox)
    mailbox.mails.clear()

    answers = [await forgot(client, email) for email in (user.email, UNKNOWN, gone.email)]

    assert {(answer.status_code, answer.json()["message"], answer.json()["data"]) for answer in answers} == {
        (202, answers[0].json()["message"], None)
    }
    assert len({tuple(sorted(set(answer.headers) - {"x-request-id"})) for answer in answers}) == 1
    assert await everything_sent(app, mailbox) == [user.email]


@ON_SQLITE
async def test_item_15_the_answer_does_not_wait_for_what_depends_on_the_account(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    runtime: Runtime = app.state.runtime
    # On SQLite nobody else writes while this transaction is open, so that a link could not be stored before the answer;
    # and the mail server is asked after the link is stored.
    async with runtime.shared.database().transaction() as session:
        await session.execute(text("SELECT 1"))  # only now it begins
        for email in (user.email, UNKNOWN):
            data_of(await forgot(client, email), 202)

    await mailbox.next_mail(to=user.email)  # to confirm the address
    assert link_token(await mailbox.next_mail(to=user.email))


@ON_SQLITE
async def test_item_15_mails_are_limited_for_unknown_addresses_alike(mailbox: Mailbox, make_app: MakeApp) -> None:
    app = make_app(smtp_url=mailbox.url)
    async with client_of(app) as client:
        user = await sign_up(client)
        for email in (user.email, UNKNOWN):
            answers = [await forgot(client, spelling) for spelling in (email, email.upper()) * 3]
            assert [answer.status_code for answer in answers] == [202] * 5 + [429]
            assert int(answers[-1].headers["retry-after"]) > 0
        # Twenty a minute from one client; it has asked twelve times.
        statuses = [(await forgot(client, f"{number}@x.io")).status_code for number in range(10)]

    assert statuses == [202] * 8 + [429] * 2
    assert await everything_sent(app, mailbox) == [user.email] * 6


async def test_item_19_a_link_is_good_once(client: httpx.AsyncClient, user: Account, mailbox: Mailbox) -> None:
    token = await reset_token(client, mailbox, user.email)
    data_of(await reset(client, token))

    assert_failure(await reset(client, token, "yet another good one"), 400, "invalid_token")
    assert await log_in(client, user.email, NEW)


async def test_item_19_of_twenty_uses_at_once_one_succeeds(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)

    answers = await asyncio.gather(*(reset(client, token, f"{NEW} {number}") for number in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    won = next(number for number, answer in enumerate(answers) if answer.status_code == 200)
    assert await log_in(client, user.email, f"{NEW} {won}")


async def test_item_19_one_link_that_is_used_voids_the_others(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    first, second, third = [await reset_token(client, mailbox, user.email) for _ in range(3)]
    assert len({first, second, third}) == 3

    data_of(await reset(client, second))

    for token in (first, third):
        assert_failure(await reset(client, token, "yet another good one"), 400, "invalid_token")


async def test_item_19_a_changed_password_voids_the_link(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)
    data_of(await change(client, user, user.password))

    assert_failure(await reset(client, token, "yet another good one"), 400, "invalid_token")
    assert await log_in(client, user.email, NEW)


async def test_item_19_a_changed_address_voids_the_link(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)
    data_of(await change_email(client, user, "moved@example.com"), 202)
    data_of(await confirm_change(client, user, link_token(await mailbox.next_mail(to="moved@example.com"))))

    assert_failure(await reset(client, token), 400, "invalid_token")
    assert await log_in(client, "moved@example.com", user.password)


@ON_SQLITE
async def test_item_19_a_link_expires(app: FastAPI, clock: MovableClock, mailbox: Mailbox) -> None:
    async with client_of(app) as client:
        user = await sign_up(client)
        early, late = [await reset_token(client, mailbox, user.email) for _ in range(2)]
        clock.advance(minutes=29)
        # Not used up by a password that is not good enough.
        assert_failure(await reset(client, early, "short"), 422, "validation_error")
        clock.advance(minutes=2)
        for token in (early, late):
            assert_failure(await reset(client, token), 400, "invalid_token")

        in_time = await reset_token(client, mailbox, user.email)
        clock.advance(minutes=29)
        data_of(await reset(client, in_time))


@ON_SQLITE
async def test_item_19_no_link_can_be_made_to_last_longer_than_an_hour(make_app: MakeApp) -> None:
    with pytest.raises(ValueError, match="reset_token_ttl"):
        make_app(auth={"reset_token_ttl": 3601})


@ON_SQLITE
async def test_item_19_a_token_is_random_and_only_its_hash_is_stored(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox, database: str
) -> None:
    tokens = {await reset_token(client, mailbox, user.email) for _ in range(20)}

    stored = await everything_stored(database)
    assert len(tokens) == 20
    for token in tokens:
        assert len(token) == 43, "256 bits in base64"
        assert token not in stored
        assert hashlib.sha256(token.encode()).hexdigest() in stored
    # What is stored opens nothing.
    hashes = await asyncio.to_thread(execute, database, "SELECT token_hash FROM auth_mail_tokens")
    for (token_hash,) in hashes:
        assert_failure(await reset(client, str(token_hash)), 400, "invalid_token")


@ON_SQLITE
async def test_item_19_what_is_no_token_is_a_400(client: httpx.AsyncClient, user: Account, mailbox: Mailbox) -> None:
    token = await reset_token(client, mailbox, user.email)
    for wrong in (token[:-1], f"{token}x", token.swapcase(), f" {token}", "x", "\u00e9" * 43, "%", "' OR 1=1; --"):
        assert_failure(await reset(client, wrong), 400, "invalid_token")
    data_of(await reset(client, token))


@ON_SQLITE
async def test_item_20_a_link_begins_with_the_configured_address(
    app: FastAPI, client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    assert f"{FRONT_END}/verify-email#token=" in (await mailbox.next_mail(to=user.email)).get_content()
    forged = {
        "Host": "evil.test",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Proto": "gopher",
        "Forwarded": "host=evil.test",
        "X-Original-URL": "https://evil.test/",
        "Origin": "https://evil.test",
        "Referer": "https://evil.test/",
    }
    for headers in ({"Host": "evil.test"}, forged, {"Host": "evil.test:80@app.example.com"}):
        answer = await client.post("/api/auth/password/forgot", json={"email": user.email}, headers=headers)
        if answer.status_code == 400:  # no host at all
            continue
        data_of(answer, 202)
        content = (await mailbox.next_mail(to=user.email)).get_content()
        assert f"\n{FRONT_END}/reset-password#token=" in content
        assert "evil" not in content
        assert "gopher" not in content


async def test_item_20_the_link_goes_to_the_address_on_file_and_not_to_what_was_typed(
    app: FastAPI, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    # Different mailboxes for a mail server, the same account for us.
    for on_file, typed in (
        ("Ada@x.io", "ada@x.io"),
        ("office@x.io", "o\ufb03ce@x.io"),
        ("stra\u00dfe@x.io", "strasse@x.io"),
        ("b@b\u00fccher.example", "b@xn--bcher-kva.example"),
    ):
        user = await sign_up(client, RegisterRequestFactory.build(email=on_file))
        mailbox.envelopes.clear()

        data_of(await forgot(client, typed), 202)

        await everything_sent(app, mailbox)
        recipients = {one for envelope in mailbox.envelopes for one in envelope.rcpt_tos}
        assert recipients == {user.email.replace("b\u00fccher", "xn--bcher-kva")}
