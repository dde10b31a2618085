"""The mails of this module: plain text in the user's language, whose links begin with the configured address."""

from functools import cache
from pathlib import Path
from string import Template

from sqlalchemy.ext.asyncio import AsyncSession

from modules.users import User
from shared.mail import Mail, Outbox

TEMPLATES = Path(__file__).resolve().parent.parent / "mails"


class Mails:
    """Each mail is sent after the commit of the transaction that it belongs to, or not at all."""

    def __init__(self, outbox: Outbox, app_name: str, public_url: str) -> None:
        self._outbox = outbox
        self._app_name = app_name
        self._public_url = public_url

    def post_link(  # noqa: PLR0913 - what a mail consists of
        self, session: AsyncSession, template: str, user: User, *, to: str, token: str, ttl: int
    ) -> None:
        """Mail a link to the page of the front end that is named like the template: `/reset-password#token=...`.

        The token stands behind the #, which browsers send to nobody: not to a server's log, not as a referrer. `ttl` is
        in seconds.
        """
        link = f"{self._public_url}/{template.replace('_', '-')}#token={token}"
        times = {"minutes": ttl // 60, "hours": ttl // 3600, "days": ttl // 86_400}
        self._post(session, template, user, to, link=link, **{name: str(value) for name, value in times.items()})

    def post_notice(self, session: AsyncSession, template: str, user: User, *, to: str) -> None:
        """Mail that something has happened."""
        self._post(session, template, user, to)

    def _post(self, session: AsyncSession, template: str, user: User, to: str, **values: str) -> None:
        text = _template(template, user.locale).substitute(app_name=self._app_name, **values)
        subject, _, body = text.partition("\n\n")
        self._outbox.post_after_commit(session, Mail(to=to, subject=subject, text=body))


@cache
def _template(name: str, locale: str) -> Template:
    return Template((TEMPLATES / locale / f"{name}.txt").read_text(encoding="utf-8"))
