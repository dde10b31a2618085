"""Verifying an e-mail address, and changing it."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import InvalidToken
from modules.auth.mail.mailer import AuthMailer
from modules.auth.mail.tokens import MailTokens, Purpose
from modules.auth.models import Credential, LoginSession, MailToken
from modules.auth.passwords.hashing import PasswordHasher
from modules.auth.passwords.service import PasswordService
from modules.auth.sessions.statements import end_sessions
from modules.auth.settings import Settings
from modules.auth.voiding import void_everything, void_links
from modules.users import User, UserServiceFactory, email_key
from shared.clock import Clock
from shared.context import Principal
from shared.database import Database
from shared.http import client_key
from shared.throttle import Attempt, Count, Throttle, succeeded

DISOWNED: tuple[Purpose, ...] = ("verification", "email_change")


@dataclass(slots=True, kw_only=True)
class EmailAddressService:
    database: Database
    users: UserServiceFactory
    passwords: PasswordService
    hasher: PasswordHasher
    tokens: MailTokens
    mailer: AuthMailer
    throttle: Throttle
    audit: AuditTrail
    settings: Settings
    clock: Clock

    async def request_verification(self, user_id: UUID) -> None:
        """Mail the link once more; nothing if the address is verified."""
        async with self._mail_to(user_id), self.database.transaction() as session:
            user = await self.users(session).get(user_id)
            if not user.email_verified:
                await self.send_verification(session, user)

    async def send_verification(self, session: AsyncSession, user: User) -> None:
        ttl = self.settings.verify_token_ttl
        token = await self.tokens.issue(session, user.id, "verification", email=user.email, ttl=ttl)
        self.mailer.post_link(session, "verify_email", user, to=user.email, token=token, ttl=ttl)

    async def verify(self, caller: Principal, token: str) -> None:
        """Confirm the caller's address; the link alone could confirm an account that a stranger has registered.

        Raises:
            InvalidToken: Also if it is another user's, or the user's address has changed since.
        """
        async with self.database.transaction() as session:
            row = await self._redeem(session, caller, token, "verification")
            if not await self.users(session).verify_email(row.user_id, row.email):
                raise InvalidToken
            self.audit.record(session, "email_verified", user_id=row.user_id)

    async def request_change(self, caller: Principal, email: str, password: str) -> None:
        """Mail a link to the new address. If that has an account already, nothing happens, and the answer is the same.

        Raises:
            WrongPassword: The current password is required, since the address can reset it.
        """
        async with self._mail_to(caller.user_id):
            user, _ = await self.passwords.require(caller, password)
            await self._mail_change(user, email)

    async def _mail_change(self, user: User, email: str) -> None:
        ttl = self.settings.verify_token_ttl
        async with self.database.transaction() as session:
            users = self.users(session)
            users.require_usable_domain(email, "new_email")
            holder = await users.find_by_email(email)
            self.audit.record(session, "email_change_requested", user_id=user.id)
            if holder is not None and holder.id != user.id:
                return
            token = await self.tokens.issue(session, user.id, "email_change", email=email, ttl=ttl)
            self.mailer.post_link(session, "confirm_email_change", user, to=email, token=token, ttl=ttl)

    async def confirm_change(self, caller: Principal, token: str) -> None:
        """Give the caller the new address, and tell the old one.

        The other sessions end, and all mailed links become void, since the address can reset the password.

        Raises:
            InvalidToken: It was used, has expired, is another user's, or the password has been changed since.
            EmailTaken: Somebody else has taken the address in the meantime.
        """
        async with self.database.transaction() as session:
            row = await self._redeem(session, caller, token, "email_change")
            users = self.users(session)
            before = await users.get(row.user_id)
            if not before.is_active:
                raise InvalidToken
            old = before.email
            user = await users.change_email(row.user_id, row.email)
            await void_links(session, user.id)
            others = LoginSession.id != caller.session_id
            await end_sessions(session, user.id, "email_changed", self.clock(), others)
            self.audit.record(session, "email_changed", user_id=user.id)
            if email_key(old) != email_key(row.email):
                self.mailer.post_notice(session, "email_changed", user, to=old)

    async def disown(self, token: str) -> None:
        """Undo what somebody else did with the address of a mail's reader.

        An account whose address is not confirmed loses its password, its sessions and its links; the reader can take it
        over with "forgot password". A requested change of address is cancelled.

        Raises:
            InvalidToken: It was used, has expired, or the address has been confirmed.
        """
        async with self.throttle.attempt(Count(self.settings.mail_limit_per_address, "disown", client_key())):
            await self._disown(token)

    async def _disown(self, token: str) -> None:
        async with self.database.read() as session:
            await self.tokens.find(session, token, *DISOWNED)
        unknown_password = await self.hasher.hash(secrets.token_urlsafe())
        async with self.database.transaction() as session:
            row = await self.tokens.redeem(session, token, *DISOWNED)
            user = await self.users(session).get(row.user_id)
            if row.purpose == "verification":
                if user.email_verified or user.email != row.email:
                    raise InvalidToken
                void = update(Credential).where(Credential.user_id == user.id)
                await session.execute(void.values(password_hash=unknown_password))
                await void_everything(session, user.id, "disowned", self.clock())
            self.audit.record(session, "address_disowned", user_id=user.id, asked_for=row.purpose)

    async def _redeem(self, session: AsyncSession, caller: Principal, token: str, purpose: Purpose) -> MailToken:
        row = await self.tokens.redeem(session, token, purpose)
        if row.user_id != caller.user_id:
            raise InvalidToken
        return row

    def _mail_to(self, user_id: UUID) -> Attempt:
        # A wrong password sends no mail, and has a limit of its own.
        return self.throttle.attempt(
            Count(self.settings.mail_limit_per_account, "mail", str(user_id), stands=succeeded)
        )
