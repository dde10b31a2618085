"""The protocol of a mail sender, and the senders that need no server."""

import sys
from email.headerregistry import Address
from typing import Protocol

import structlog

from shared.mail.message import Mail, compose

log = structlog.get_logger("mail")


class MailSender(Protocol):
    async def send(self, mail: Mail) -> None:
        """Send the mail. Exceptions are logged, so their text must contain nothing of the mail."""


class ConsoleSender:
    """Shows mails on the terminal, for development: the links in them can be clicked."""

    def __init__(self, sender: Address) -> None:
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        message = compose(mail, self._sender)
        headers = "\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Subject"))
        sys.stderr.write(f"\n{headers}\n\n{mail.text.strip()}\n\n")


class NullMailSender:
    """Sends nothing, for production without SMTP_URL: the links in mails open accounts, so they must not be logged."""

    async def send(self, mail: Mail) -> None:
        log.warning("mail_not_sent", subject=mail.subject, reason="SMTP_URL is not set")
