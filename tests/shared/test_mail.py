"""Mails are sent out of band, after the commit that they belong to, and no log says what is in them."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from dependency_injector import providers
from fastapi import FastAPI
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session as SyncSession

from modules.users import User
from shared.container import Runtime
from shared.context import RequestInfo, current_request
from shared.mail import Mail, Mailer
from shared.mail.message import sender_address
from shared.mail.senders import NullMailSender
from shared.mail.smtp import SmtpSender, smtp_server
from shared.testing.mailbox import Mailbox, open_mailbox
from tests.conftest import MakeApp

# Nothing here depends on the database.
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

ADA = "ada@example.com"
LINK = "https://app.example/reset#token=canary-7Zq"
MAIL = Mail(ADA, "Choose a new password", f"Follow this link:\n\n{LINK}\n")


class Undo(Exception):
    """Ends a transaction or a savepoint without success."""


@pytest.fixture
async def runtime(mailbox: Mailbox, make_app: MakeApp) -> Runtime:
    runtime: Runtime = make_app(smtp_url=mailbox.url).state.runtime
    return runtime


@pytest.fixture
async def mailer(runtime: Runtime) -> Mailer:
    return runtime.shared.mailer()


@pytest.fixture
async def session(runtime: Runtime) -> AsyncIterator[AsyncSession]:
    """Not begun yet; without what surrounds a request."""
    async with AsyncSession(runtime.shared.database().engine) as session:
        yield session


async def subjects(runtime: Runtime, mailbox: Mailbox) -> list[str]:
    """Of all that was sent, when nothing is on its way any more."""
    await runtime.shared.background().close()
    return sorted(str(mail["Subject"]) for mail in mailbox.mails)


def mail(subject: str) -> Mail:
    return Mail(ADA, subject, "")


async def test_a_mail_is_sent_when_the_transaction_is_committed_and_not_before(
    runtime: Runtime, mailer: Mailer, mailbox: Mailbox
) -> None:
    async with runtime.shared.database().transaction() as session:
        mailer.post_after_commit(session, MAIL)
        await session.execute(select(User))
        assert await subjects(runtime, mailbox) == []

    assert (await mailbox.next_mail(to=ADA))["Subject"] == MAIL.subject
    assert await subjects(runtime, mailbox) == [MAIL.subject]


async def test_a_mail_is_not_sent_when_the_transaction_is_rolled_back(
    runtime: Runtime, mailer: Mailer, mailbox: Mailbox
) -> None:
    with suppress(Undo):
        async with runtime.shared.database().transaction() as session:
            mailer.post_after_commit(session, MAIL)
            await session.execute(select(User))
            raise Undo

    assert await subjects(runtime, mailbox) == []


async def test_a_mail_is_not_sent_when_the_commit_fails(runtime: Runtime, mailer: Mailer, mailbox: Mailbox) -> None:
    def fail(_session: SyncSession) -> None:
        raise Undo

    with suppress(Undo):
        async with runtime.shared.database().transaction() as session:
            mailer.post_after_commit(session, MAIL)
            await session.execute(select(User))
            event.listen(session.sync_session, "before_commit", fail)

    assert await subjects(runtime, mailbox) == []


async def test_a_savepoint_sends_nothing_by_itself_and_takes_back_what_it_takes_back(
    runtime: Runtime, mailer: Mailer, mailbox: Mailbox
) -> None:
    async with runtime.shared.database().transaction() as session:
        mailer.post_after_commit(session, mail("before"))
        async with session.begin_nested():
            mailer.post_after_commit(session, mail("released"))
            async with session.begin_nested():
                mailer.post_after_commit(session, mail("released within released"))
        with suppress(Undo):
            async with session.begin_nested():
                mailer.post_after_commit(session, mail("rolled back"))
                async with session.begin_nested():
                    mailer.post_after_commit(session, mail("released within rolled back"))
                raise Undo
        mailer.post_after_commit(session, mail("after"))
        assert await subjects(runtime, mailbox) == []

    assert await subjects(runtime, mailbox) == ["after", "before", "released", "released within released"]


async def test_savepoints_do_not_survive_the_transaction(runtime: Runtime, mailer: Mailer, mailbox: Mailbox) -> None:
    with suppress(Undo):
        async with runtime.shared.database().transaction() as session:
            async with session.begin_nested():
                mailer.post_after_commit(session, MAIL)
            raise Undo

    assert await subjects(runtime, mailbox) == []


@ON_SQLITE
async def test_each_transaction_of_a_session_has_its_own_mails(
    session: AsyncSession, runtime: Runtime, mailer: Mailer, mailbox: Mailbox
) -> None:
    for subject in ("first", "second"):
        async with session.begin():
            mailer.post_after_commit(session, mail(subject))
    await session.begin()
    mailer.post_after_commit(session, mail("rolled back"))
    await session.rollback()
    await session.begin()
    mailer.post_after_commit(session, mail("closed"))
    await session.close()
    async with session.begin():
        mailer.post_after_commit(session, mail("third"))

    assert await subjects(runtime, mailbox) == ["first", "second", "third"]


@ON_SQLITE
async def test_a_mail_that_no_commit_would_ever_send_is_refused(
    session: AsyncSession, runtime: Runtime, mailer: Mailer
) -> None:
    with pytest.raises(RuntimeError, match="no transaction"):
        mailer.post_after_commit(session, MAIL)
    async with runtime.shared.database().read() as reader:
        await reader.execute(select(User))
        with pytest.raises(RuntimeError, match="no transaction"):
            mailer.post_after_commit(reader, MAIL)


@ON_SQLITE
async def test_a_mail_that_belongs_to_no_transaction_is_sent_at_once(mailer: Mailer, mailbox: Mailbox) -> None:
    mailer.post(MAIL)

    assert (await mailbox.next_mail(to=ADA))["Subject"] == MAIL.subject


@ON_SQLITE
async def test_closing_the_application_sends_what_is_on_its_way(
    runtime: Runtime, mailer: Mailer, mailbox: Mailbox
) -> None:
    async def write() -> None:
        async with runtime.shared.database().transaction() as session:
            await session.execute(select(User))
            mailer.post_after_commit(session, MAIL)

    runtime.shared.background().run(write())
    await runtime.close()

    assert [mail["To"] for mail in mailbox.mails] == [ADA]


@ON_SQLITE
async def test_the_sender_can_be_replaced(app: FastAPI) -> None:
    sent: list[Mail] = []

    class Recorder:
        async def send(self, mail: Mail) -> None:
            sent.append(mail)

    runtime: Runtime = app.state.runtime
    runtime.shared.mail_sender.override(providers.Object(Recorder()))
    runtime.shared.mailer().post(MAIL)
    await runtime.shared.background().close()

    assert sent == [MAIL]


@ON_SQLITE
@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([f"550 5.1.1 <{ADA}> is unknown"], "SMTPRecipientsRefused: the server answered 550"),
        (None, "SMTPConnectError"),
    ],
)
async def test_a_failure_is_logged_with_its_request_and_without_the_mail(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str], answers: list[str] | None, reason: str
) -> None:
    async with open_mailbox() as mailbox:
        mailbox.answers += answers or []
        runtime: Runtime = make_app(debug=True).state.runtime
        sender = SmtpSender(smtp_server(mailbox.url), sender_address("a@x.io"), retry_after_seconds=(0, 0))
        runtime.shared.mail_sender.override(providers.Object(sender))
        if answers is not None:
            await post_within_request(runtime, "request-17")
    if answers is None:  # the server is away now
        await post_within_request(runtime, "request-17")

    log = capsys.readouterr().err
    assert "background_task_failed" in log
    assert reason in log
    assert "request-17" in log
    for part in (ADA, "canary", "Follow", MAIL.subject):
        assert part not in log


async def post_within_request(runtime: Runtime, request_id: str) -> None:
    token = current_request.set(RequestInfo(request_id))
    async with runtime.shared.database().transaction() as session:
        runtime.shared.mailer().post_after_commit(session, MAIL)
    current_request.reset(token)
    await runtime.shared.background().close()


@ON_SQLITE
@pytest.mark.parametrize("app_env", ["development", "test"])
async def test_without_a_server_mails_are_shown_with_links_to_click(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str], app_env: str
) -> None:
    runtime: Runtime = make_app(app_env=app_env).state.runtime

    await runtime.shared.mail_sender().send(MAIL)

    shown = capsys.readouterr().err.splitlines()
    assert {"To: ada@example.com", "Subject: Choose a new password", LINK} <= set(shown)


@ON_SQLITE
async def test_production_without_a_server_sends_nothing_and_logs_the_subject_only(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime: Runtime = make_app(app_env="production", allow_sqlite_in_production=True).state.runtime

    await runtime.shared.mail_sender().send(MAIL)

    log = capsys.readouterr().err
    assert isinstance(runtime.shared.mail_sender(), NullMailSender)
    assert "mail_not_sent" in log
    assert MAIL.subject in log
    assert ADA not in log
    assert "canary" not in log


@ON_SQLITE
async def test_a_mail_that_smtp_would_refuse_is_refused_in_development_too(app: FastAPI) -> None:
    runtime: Runtime = app.state.runtime

    for faulty in (Mail(ADA, "two\nlines", ""), Mail("nobody", "", "")):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            await runtime.shared.mail_sender().send(faulty)
