"""Nobody is buried in mails: of those that others can cause, a recipient gets so many, whoever asks and however."""

import json
from itertools import pairwise

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.logging import configure_logging
from shared.testing.envelope import data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change, request_verification
from tests.auth.recovery import NEW, change, forgot
from tests.auth.test_invitation import invite
from tests.auth.test_register import registration
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, sign_up
from tests.factories import RegisterRequestFactory
from tests.security.test_recovery import everything_sent

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

LIMIT = 3


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, auth=UNLIMITED | {"mail_limit_per_recipient": f"{LIMIT}/hour"})


class Suppressed:
    """The subjects of the mails that were not sent, by the log."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging(as_json=True)
        self._capsys = capsys

    def __call__(self) -> list[str]:
        lines = [line for line in self._capsys.readouterr().err.splitlines() if '"mail_not_sent"' in line]
        assert not [line for line in lines if "@" in line], "no log has an address"
        return [json.loads(line)["subject"] for line in lines]


async def register(client: httpx.AsyncClient, email: str) -> httpx.Response:
    return await client.post("/api/auth/register", json=registration(email=email, locale="en"))


async def test_registrations_of_one_mailbox_under_many_names_send_a_few_mails(
    app: FastAPI, client: httpx.AsyncClient, mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    suppressed = Suppressed(capsys)
    for email in ("joe@x.io", "joe+1@x.io", "JOE+2@X.io", "Joe+3+4@x.io", "\uff4aoe+5@x.io"):
        data_of(await register(client, email), 201)
    data_of(await register(client, "+joe@x.io"), 201)
    data_of(await register(client, "jo.e@x.io"), 201)

    sent = await everything_sent(app, mailbox)

    assert len([to for to in sent if to.lower().startswith("joe")]) == LIMIT
    assert {"+joe@x.io", "jo.e@x.io"} < set(sent), "these are others"
    assert len(suppressed()) == 2


async def test_accounts_together_send_no_more_than_one_could(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    suppressed = Suppressed(capsys)
    attackers = [await sign_up(client) for _ in range(LIMIT)]
    for attacker in attackers:
        data_of(await change_email(client, attacker, "joe@x.io"), 202)
    data_of(await change_email(client, attackers[0], "joe+more@x.io"), 202)
    await invite(client, admin, "joe@x.io")

    assert (await everything_sent(app, mailbox)).count("joe@x.io") == LIMIT
    assert len(suppressed()) == 2


async def test_an_owner_gets_the_link_for_a_new_password_whatever_was_sent_before(
    app: FastAPI, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await sign_up(client, RegisterRequestFactory.build(email="joe@x.io"))
    for number in range(LIMIT):
        data_of(await register(client, f"joe+{number}@x.io"), 201)
    data_of(await request_verification(client, user), 202)
    for _ in range(LIMIT + 2):
        data_of(await forgot(client, user.email), 202)

    await everything_sent(app, mailbox)

    links = [mail for mail in mailbox.mails if "/reset-password#token=" in mail.get_content()]
    assert len(links) == LIMIT


async def test_no_notice_is_held_back(app: FastAPI, client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    user = await sign_up(client, RegisterRequestFactory.build(email="joe@x.io", locale="en"))
    for _ in range(2 * LIMIT):
        data_of(await forgot(client, user.email), 202)
        data_of(await request_verification(client, user), 202)
    passwords = [user.password, *(f"{NEW} {number}" for number in range(2 * LIMIT))]
    for current, new in pairwise(passwords):
        data_of(await change(client, user, current, new))
    user.password = passwords[-1]
    data_of(await change_email(client, user, "moved@x.io"), 202)
    data_of(await confirm_change(client, user, link_token(await mailbox.next_mail(to="moved@x.io"))))

    await everything_sent(app, mailbox)

    subjects = [mail["Subject"] for mail in mailbox.mails if mail["To"] == "joe@x.io"]
    assert subjects.count("Your password at Modular Monolith was changed") == 2 * LIMIT
    assert subjects.count("Your e-mail address at Modular Monolith was changed") == 1


async def test_a_mail_that_cannot_be_delivered_is_none(
    app: FastAPI, client: httpx.AsyncClient, mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    suppressed = Suppressed(capsys)
    mailbox.answers.extend(["550 5.1.1 no such user"] * LIMIT)
    for number in range(LIMIT):
        data_of(await register(client, f"joe+{number}@x.io"), 201)
    data_of(await forgot(client, "joe+0@x.io"), 202)

    sent = [await mailbox.next_mail(to="joe+0@x.io")]
    for number in range(LIMIT):
        data_of(await register(client, f"joe+again{number}@x.io"), 201)
        sent.append(await mailbox.next_mail(to=f"joe+again{number}@x.io"))

    assert len(sent) == 1 + LIMIT
    assert not suppressed()


async def test_as_delivered_a_mailbox_gets_ten_in_an_hour(mailbox: Mailbox, make_app: MakeApp) -> None:
    app = make_app(smtp_url=mailbox.url)
    async with client_of(app) as client:
        for number in range(15):
            data_of(await register(client, f"joe+{number}@x.io"), 201)

    assert len(await everything_sent(app, mailbox)) == 10


async def test_what_is_not_sent_is_answered_as_always(
    app: FastAPI, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    answers = [await register(client, f"joe+{number}@x.io") for number in range(LIMIT + 1)]

    shapes = {
        (answer.status_code, frozenset(answer.headers), frozenset(answer.json()["data"]), answer.json()["message"])
        for answer in answers
    }
    assert len(shapes) == 1
    await everything_sent(app, mailbox)
