"""Sending mails out of band."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from shared.background import BackgroundRunner
from shared.database.sessions import after_commit
from shared.errors import TooManyRequests
from shared.mail.message import Mail
from shared.mail.senders import MailSender, log
from shared.throttle.throttle import Attempt


class Mailer:
    """Sends mails out of band, so that neither an answer's time nor its status tells what became of them."""

    def __init__(self, sender: MailSender, background: BackgroundRunner) -> None:
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
