"""A real mail server for tests, in the test's own event loop, that keeps the mails it receives."""

import asyncio
import logging
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# Far more than a mail takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 30

LINK_TOKEN = re.compile(r"#token=(\S+)")


class Mailbox:
    """The mails that have arrived; made by the fixture `mailbox` or by `open_mailbox`.

    To show that a mail was *not* sent, first let everything finish: `await runtime.shared.background().close()`.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self.url = ""
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.sessions: list[Session] = []
        """For each mail: whether it came over TLS (`ssl`) and after a login (`authenticated`)."""
        self.envelopes: list[Envelope] = []
        self.answers: deque[str] = deque()
        """The answers that refuse the next mails: `"451 4.3.0 Try again later"`."""
        self.tries = 0
        self.logins = 0
        self.users = users
        self._unread: list[EmailMessage] = []
        self._arrival = asyncio.Condition()

    async def next_mail(self, *, to: str) -> EmailMessage:
        """The oldest mail to this address that was not returned yet; waits for it."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._arrival:
                await self._arrival.wait_for(lambda: any(mail["To"] == to for mail in self._unread))
        except TimeoutError:
            others = [f"{mail['To']}: {mail['Subject']}" for mail in self._unread]
            pytest.fail(f"no mail to {to} has come, only {others}")
        mail = next(mail for mail in self._unread if mail["To"] == to)
        self._unread.remove(mail)
        return mail

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.tries += 1
        if self.answers:
            return self.answers.popleft()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        mail = message_from_bytes(envelope.original_content or b"", policy=POLICY)
        self.mails.append(mail)
        self.sessions.append(session)
        self.envelopes.append(envelope)
        self._unread.append(mail)
        async with self._arrival:
            self._arrival.notify_all()
        return "250 2.0.0 Taken"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        self.logins += 1
        expected = self.users.get(login.login.decode())
        return AuthResult(success=expected is not None and expected == login.password.decode(), handled=False)


@asynccontextmanager
async def open_mailbox(
    *, tls: ssl.SSLContext | None = None, is_implicit: bool = False, users: Mapping[str, str] | None = None
) -> AsyncIterator[Mailbox]:
    """Listen on a free port.

    With `tls` the server offers STARTTLS, or with `is_implicit` speaks TLS from the start. With `users` (passwords by
    name) it requires a login, over TLS if it has that; `url` contains the first of them.
    """
    # It would write every address into the log of the application, which shares its process here.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    loop = asyncio.get_running_loop()
    mailbox = Mailbox(users or {})
    connections: list[SMTP] = []

    def accept() -> SMTP:
        connection = SMTP(
            mailbox,
            hostname="localhost",
            enable_SMTPUTF8=True,
            loop=loop,
            tls_context=None if is_implicit else tls,
            authenticator=mailbox.authenticate,
            # Requiring a login without TLS makes aiosmtpd warn; offering it does not.
            auth_require_tls=tls is not None and not is_implicit,
            auth_required=bool(users) and tls is not None and not is_implicit,
        )
        connections.append(connection)
        return connection

    server = await loop.create_server(accept, "127.0.0.1", 0, ssl=tls if is_implicit else None)
    mailbox.port = server.sockets[0].getsockname()[1]
    logins = [f"{quote(name, safe='')}:{quote(password, safe='')}@" for name, password in mailbox.users.items()]
    mailbox.url = f"{'smtps' if is_implicit else 'smtp'}://{''.join(logins[:1])}127.0.0.1:{mailbox.port}"
    try:
        yield mailbox
    finally:
        server.close()
        for connection in connections:
            if connection.transport is not None:
                connection.transport.close()
        await server.wait_closed()


def link_token(mail: EmailMessage) -> str:
    """The token after `#token=` in the text."""
    match = LINK_TOKEN.search(mail.get_content())
    assert match is not None, "there is no link with a token in this mail"
    return match[1]
