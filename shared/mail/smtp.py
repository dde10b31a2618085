"""Sends mails to an SMTP server."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import aiosmtplib

from shared.mail.message import Mail, compose
from shared.mail.senders import log

TIMEOUT_SECONDS = 10
RETRY_AFTER_SECONDS = (2.0, 10.0)
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}


class MailNotSent(Exception):
    """All tries have failed. The text, which is logged, says why, and nothing about the mail or its recipient."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The mail server. Unless `is_loopback`, the connection may be intercepted."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_tls: bool = False
    is_loopback: bool = False


class SmtpSender:
    """Sends mails to an SMTP server, and retries when that is unreachable or asks to retry later."""

    def __init__(
        self, server: SmtpServer, sender: Address, *, retry_after_seconds: Sequence[float] = RETRY_AFTER_SECONDS
    ) -> None:
        self._server = server
        self._sender = sender
        self._retry_after_seconds = retry_after_seconds

    async def send(self, mail: Mail) -> None:
        """Send the mail.

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
                # Certificates for localhost are self-signed.
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
            # Only the code: the server's text may repeat the address.
            return cls(f"{name}: the server answered {error.code}", is_permanent=500 <= error.code < 600)  # noqa: PLR2004 - SMTP's 5xx
        if isinstance(error, OSError):
            return cls(f"{name}: {error}", is_permanent=False)
        if isinstance(error, ValueError):
            return cls(name, is_permanent=True)
        return cls(f"{name}: {error}", is_permanent=True)


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
    """True if the name means this machine, as far as can be told without a look-up."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
