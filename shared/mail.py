"""Sending mail: what modules ask for, and who carries it out."""

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from functools import partial
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from email_validator import validate_email
from sqlalchemy.ext.asyncio import AsyncSession

from shared.background import BackgroundTasks
from shared.database import after_commit
from shared.errors import TooManyRequests
from shared.throttle import Attempt

log = structlog.get_logger("mail")

TIMEOUT_SECONDS = 10
RETRY_AFTER_SECONDS = (2.0, 10.0)
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}
# Seven bits, whatever the server can do; line ends as in the standard.
POLICY = SMTP.clone(cte_type="7bit")
SENDER = re.compile(
    r"""(?:"?(?P<name>[^"<>@]*?)"?\s*<)?
        (?P<local>[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*)
        @(?P<domain>[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?(name)>)  # a bracket that was opened is closed""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Mail:
    """Plain text. The sender's address is a setting. `template` is what the log calls it."""

    to: str
    subject: str
    text: str
    template: str = ""


class MailNotSent(Exception):
    """Tried and given up. Says why, and nothing of the mail or its recipient: it is made to be logged."""


class MailSender(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hand the mail over. What it raises is logged, so the text must hold nothing of the mail."""


class ConsoleSender:
    """Shows mails on the terminal, for development: the links in them can be clicked."""

    def __init__(self, sender: Address) -> None:
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        message = compose(mail, self._sender)
        headers = "\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Subject"))
        sys.stderr.write(f"\n{headers}\n\n{mail.text.strip()}\n\n")


class DroppingSender:
    """Sends nothing, for production without SMTP_URL: a link in a mail opens an account, so no log may have it."""

    async def send(self, mail: Mail) -> None:
        log.warning("mail_not_sent", subject=mail.subject, reason="SMTP_URL is not set")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed in. Without `is_loopback` somebody may stand in between."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_tls: bool = False
    is_loopback: bool = False


class SmtpSender:
    """Hands mails to an SMTP server, and tries again when that is away or asks to come back later."""

    def __init__(
        self, server: SmtpServer, sender: Address, *, retry_after_seconds: Sequence[float] = RETRY_AFTER_SECONDS
    ) -> None:
        self._server = server
        self._sender = sender
        self._retry_after_seconds = retry_after_seconds

    async def send(self, mail: Mail) -> None:
        """Hand the mail over.

        Raises:
            MailNotSent: The server refused it for good, or every try failed.
        """
        try:
            message = compose(mail, self._sender)
        except ValueError as error:
            raise MailNotSent(type(error).__name__) from None
        pauses = iter(self._retry_after_seconds)
        while (fault := await self._try(message)) is not None:
            pause = None if fault.is_permanent else next(pauses, None)
            if pause is None:
                raise MailNotSent(fault.reason)
            log.warning("mail_delayed", reason=fault.reason, retry_after_seconds=pause)
            await asyncio.sleep(pause)

    async def _try(self, message: EmailMessage) -> "_Fault | None":
        server = self._server
        try:
            await aiosmtplib.send(
                message,
                sender=self._sender.addr_spec,
                recipients=[address.addr_spec for address in message["To"].addresses],
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password,
                local_hostname=self._sender.domain,  # else this machine's name, after a look-up
                timeout=TIMEOUT_SECONDS,
                use_tls=server.use_tls,
                # None: if the server offers it.
                start_tls=True if server.password and not (server.use_tls or server.is_loopback) else None,
                # What a mail server has for the name "localhost" was signed by nobody.
                validate_certs=not server.is_loopback,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _Fault.of(error)
        return None


@dataclass(frozen=True, slots=True)
class _Fault:
    reason: str
    is_permanent: bool

    @classmethod
    def of(cls, error: Exception) -> "_Fault":
        name = type(error).__name__
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            error = error.recipients[0]
        if isinstance(error, aiosmtplib.SMTPResponseException):
            # By its code only: the server's words may repeat the address.
            return cls(f"{name}: the server answered {error.code}", is_permanent=500 <= error.code < 600)  # noqa: PLR2004 - SMTP's 5xx
        if isinstance(error, OSError):
            return cls(f"{name}: {error}", is_permanent=False)
        if isinstance(error, ValueError):
            return cls(name, is_permanent=True)
        return cls(f"{name}: {error}", is_permanent=True)


class Outbox:
    """Sends mails out of band, so that neither an answer's time nor its status tells what became of them."""

    def __init__(self, sender: MailSender, background: BackgroundTasks) -> None:
        self._sender = sender
        self._background = background

    def post(self, mail: Mail, attempt: Attempt | None = None) -> None:
        """Send the mail now, whatever becomes of the transaction; and not at all if it is one too many.

        What a stranger can cause to be sent needs a limit: `attempt` is taken when the mail's turn has come, and given
        back if it cannot be sent.
        """
        work = self._sender.send(mail) if attempt is None else self._send_within(attempt, mail)
        self._background.run(work, template=mail.template)

    def post_after_commit(self, session: AsyncSession, mail: Mail, attempt: Attempt | None = None) -> None:
        """Send the mail once the session's transaction is committed; never if it is rolled back."""
        after_commit(session, partial(self.post, mail, attempt))

    async def _send_within(self, attempt: Attempt, mail: Mail) -> None:
        try:
            async with attempt:
                await self._sender.send(mail)
        except TooManyRequests:
            log.warning("mail_not_sent", subject=mail.subject, reason="its recipient has had too many")


def compose(mail: Mail, sender: Address) -> EmailMessage:
    """Write the mail out.

    Raises:
        ValueError: The recipient is not one plain address, or the subject has a line end. The text may quote them.
    """
    recipient = validate_email(mail.to, check_deliverability=False)
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    # The domain in ASCII: only a local part that is not then needs a server that can SMTPUTF8.
    message["To"] = Address(username=recipient.local_part, domain=recipient.ascii_domain)
    message["Subject"] = mail.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def sender_address(text: str) -> Address:
    """Read `address` or `Name <address>`.

    Raises:
        ValueError: It is neither.
    """
    match = SENDER.fullmatch(text.strip())
    if match is None or not text.isprintable():
        raise ValueError("must be an ASCII address, or a name and one: Example <no-reply@example.com>")
    return Address(match["name"] or "", match["local"], match["domain"].lower())


def smtp_server(address: str) -> SmtpServer:
    """Read `smtp://user:password@host:587` or `smtps://...`.

    Raises:
        ValueError: It cannot be read. The text does not contain the address, which may hold a password.
    """
    try:
        url = urlsplit(address)
        host, port, path = url.hostname or "", url.port, url.path.removeprefix("/")
        username, password = (unquote(part or "", errors="strict") for part in (url.username, url.password))
    except ValueError:
        host = ""
    if (
        re.fullmatch(r"[a-z0-9.:_-]+", host) is None
        or url.scheme not in DEFAULT_PORTS
        or any((path, url.query, url.fragment))
        or bool(username) != bool(password)
    ):
        raise ValueError("cannot be read as a mail server's address, such as smtp://user:password@host:587")
    return SmtpServer(
        host,
        port or DEFAULT_PORTS[url.scheme],
        username or None,
        password or None,
        use_tls=url.scheme == "smtps",
        is_loopback=is_loopback(host),
    )


def is_loopback(host: str) -> bool:
    """Whether the name means this machine, as far as can be told without asking the network."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
