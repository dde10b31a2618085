"""Verifying an e-mail address, and changing it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.errors import InvalidToken
from modules.auth.services.audit import AuditTrail
from modules.auth.services.mail_tokens import MailTokens
from modules.auth.services.mails import Mails
from modules.auth.services.passwords import PasswordService
from modules.auth.settings import Settings
from modules.users import User, UsersIn, email_key
from shared.database import Database
from shared.request import Principal
from shared.throttle import Throttle


class EmailService:
    def __init__(  # noqa: PLR0913 - what it is built from; the container calls it
        self,
        database: Database,
        *,
        users: UsersIn,
        passwords: PasswordService,
        tokens: MailTokens,
        mails: Mails,
        throttle: Throttle,
        audit: AuditTrail,
        settings: Settings,
    ) -> None:
        self._database = database
        self._users = users
        self._passwords = passwords
        self._tokens = tokens
        self._mails = mails
        self._throttle = throttle
        self._audit = audit
        self._settings = settings

    async def request_verification(self, user_id: UUID) -> None:
        """Mail the link once more; nothing if the address is verified."""
        await self._reserve_mail(user_id)
        async with self._database.transaction() as session:
            user = await self._users(session).get(user_id)
            if not user.email_verified:
                await self.send_verification(session, user)

    async def send_verification(self, session: AsyncSession, user: User) -> None:
        ttl = self._settings.verify_token_ttl
        token = await self._tokens.issue(session, user.id, "verification", email=user.email, ttl=ttl)
        self._mails.post_link(session, "verify_email", user, to=user.email, token=token, ttl=ttl)

    async def verify(self, token: str) -> None:
        """Raises InvalidToken, also when the user has another address by now."""
        async with self._database.transaction() as session:
            row = await self._tokens.redeem(session, token, "verification")
            if not await self._users(session).verify_email(row.user_id, row.email):
                raise InvalidToken
            self._audit.record(session, "email_verified", user_id=row.user_id)

    async def request_change(self, caller: Principal, email: str, password: str) -> None:
        """Mail a link to the new address. If that one has an account already, nothing happens, and nothing tells so.

        Raises:
            WrongPassword: The current password is asked for: the address is the way to a new one.
        """
        await self._reserve_mail(caller.user_id)
        user, _ = await self._passwords.require(caller.user_id, password)
        ttl = self._settings.verify_token_ttl
        async with self._database.transaction() as session:
            holder = await self._users(session).find_by_email(email)
            self._audit.record(session, "email_change_requested", user_id=user.id)
            if holder is not None and holder.id != user.id:
                return
            token = await self._tokens.issue(session, user.id, "email_change", email=email, ttl=ttl)
            self._mails.post_link(session, "confirm_email_change", user, to=email, token=token, ttl=ttl)

    async def confirm_change(self, token: str) -> None:
        """Give the user the new address, and tell the old one.

        Raises:
            InvalidToken: It was used, has expired, or the password has been changed since.
            EmailTaken: Somebody else took the address in the meantime.
        """
        async with self._database.transaction() as session:
            row = await self._tokens.redeem(session, token, "email_change")
            users = self._users(session)
            before = await users.get(row.user_id)
            if not before.is_active:
                raise InvalidToken
            old = before.email
            user = await users.change_email(row.user_id, row.email)
            self._audit.record(session, "email_changed", user_id=user.id)
            if email_key(old) != email_key(row.email):
                self._mails.post_notice(session, "email_changed", user, to=old)

    async def _reserve_mail(self, user_id: UUID) -> None:
        await self._throttle.reserve(self._settings.mail_limit_per_account, "mail", str(user_id))
