"""Sending mail: what modules ask for, and who carries it out."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Mail:
    """Plain text. The sender's address is a setting."""

    to: str
    subject: str
    text: str


class MailSender(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hand the mail over; raises what the transport raises."""


class Outbox:
    """Sends mails out of band, so that neither an answer's time nor its status tells what became of them."""

    def post_after_commit(self, session: AsyncSession, mail: Mail) -> None:
        """Send the mail once the session's transaction is committed; never if it is rolled back."""
        raise NotImplementedError
