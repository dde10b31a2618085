"""Sends mails in the background."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from shared.background import BackgroundRunner
from shared.database.sessions import after_commit
from shared.errors import TooManyRequests
from shared.mail.message import Mail
from shared.mail.senders import MailSender, log
from shared.throttle.throttle import Attempt


class Mailer:
    """Sends mails in the background, so that neither the time nor the status of an answer tells whether one is sent."""

    def __init__(self, sender: MailSender, background: BackgroundRunner) -> None:
        self._sender = sender
        self._background = background

    def post(self, mail: Mail, attempt: Attempt | None = None) -> None:
        """Send the mail now, even if the transaction is rolled back; but not if it exceeds the limits of `attempt`.

        A mail that strangers can cause needs a limit. The attempt is taken just before sending, and given back if that
        fails.
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
