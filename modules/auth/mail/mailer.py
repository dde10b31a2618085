"""The mails of this module: plain text in the user's language, with links to the configured address."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from sqlalchemy.ext.asyncio import AsyncSession

from modules.users import User, email_key
from shared.mail import Mail, Mailer
from shared.throttle import Count, RateLimits, Throttle, succeeded

TEMPLATES = Path(__file__).resolve().parent.parent / "mail_templates"

SECONDS = (86_400, 3600, 60, 1)
UNITS = {"en": ("days", "hours", "minutes", "seconds"), "zh": ("天", "小时", "分钟", "秒")}


@dataclass(slots=True, kw_only=True)
class AuthMailer:
    """Sends each mail after the commit of its transaction, or not at all."""

    mailer: Mailer
    throttle: Throttle
    app_name: str
    public_url: str
    limit: RateLimits

    def post_link(  # noqa: PLR0913 - the parts of a mail
        self, session: AsyncSession, template: str, user: User, *, to: str, token: str, ttl: int
    ) -> None:
        """Mail a link to the page of the front end that has the template's name: `/reset-password#token=...`.

        Strangers can cause these mails, so each recipient has a limit; mails beyond it are not sent.

        The token follows the #: browsers do not send it, neither to a server's log nor as a referrer. `ttl` is in
        seconds. Readers who did not ask for the mail get a second link, to `/disown-email`.
        """
        link = self._link(template.replace("_", "-"), token)
        disown = self._link("disown-email", token)
        mail = self._written(template, user, to, link=link, disown=disown, lifetime=_lifetime(ttl, user.locale))
        # Links for a new password have a count of their own, so that other mails cannot lock the owner out.
        action = "mail_reset" if template == "reset_password" else "mail_link"
        limited = self.throttle.attempt(Count(self.limit, action, _recipient(to), stands=succeeded))
        self.mailer.post_after_commit(session, mail, limited)

    def post_notice(self, session: AsyncSession, template: str, user: User, *, to: str) -> None:
        """Mail a notice. It has no limit, which a thief could use up beforehand."""
        self.mailer.post_after_commit(session, self._written(template, user, to))

    def _link(self, page: str, token: str) -> str:
        return f"{self.public_url}/{page}#token={token}"

    def _written(self, template: str, user: User, to: str, **values: str) -> Mail:
        text = _template(template, user.locale).substitute(app_name=self.app_name, **values)
        subject, _, body = text.partition("\n\n")
        return Mail(to=to, subject=subject, text=body, template=template)


def _recipient(address: str) -> str:
    """The mailbox of an address, as far as can be told: mail to joe+news@ reaches joe@."""
    name, _, domain = email_key(address).rpartition("@")
    return f"{name.partition('+')[0] or name}@{domain}"


@cache
def _template(name: str, locale: str) -> Template:
    return Template((TEMPLATES / locale / f"{name}.txt").read_text(encoding="utf-8"))


def _lifetime(ttl: int, locale: str) -> str:
    """The time in the largest unit that gives at least 2, which is a plural: one day is 24 hours."""
    return next(f"{ttl // size} {unit}" for size, unit in zip(SECONDS, UNITS[locale], strict=True) if ttl >= 2 * size)
