"""Choosing a password with a link: in place of a forgotten one, or the first one after an invitation."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import InvalidToken
from modules.auth.mail.mailer import AuthMailer
from modules.auth.mail.tokens import MailTokens
from modules.auth.models import Credential, MailToken
from modules.auth.passwords.hashing import PasswordHasher
from modules.auth.passwords.policy import PasswordPolicy
from modules.auth.sessions.login_throttle import LoginThrottle
from modules.auth.sessions.statements import end_sessions
from modules.auth.settings import Settings
from modules.users import User, UserServiceFactory, email_key
from shared.background import BackgroundRunner
from shared.clock import Clock
from shared.database import Database, failing_as
from shared.http import client_key
from shared.throttle import Attempt, Count, Throttle


@dataclass(slots=True, kw_only=True)
class PasswordRecovery:
    database: Database
    users: UserServiceFactory
    hasher: PasswordHasher
    policy: PasswordPolicy
    tokens: MailTokens
    mailer: AuthMailer
    background: BackgroundRunner
    throttle: Throttle
    login_throttle: LoginThrottle
    audit: AuditTrail
    settings: Settings
    clock: Clock

    async def forgot(self, email: str) -> None:
        """Mail a link to choose a new password, if the address has an account.

        Everything that depends on whether it has one happens after the answer.
        """
        settings = self.settings
        attempt = self.throttle.attempt(
            Count(settings.mail_limit_per_address, "forgot", client_key()),
            Count(settings.mail_limit_per_account, "forgot_account", email_key(email)),
        )
        async with attempt:
            self.background.run(self._send_reset_link(email, attempt))

    async def reset(self, token: str, new: str) -> None:
        """Choose a new password with a link, for a forgotten one or a first one; every session of the user ends.

        Raises:
            InvalidToken: It was used, has expired, the password or the address has changed since, or the account is
                not active.
            ValidationFailed: The new password is not good enough; the link can be used again.
        """
        async with self.throttle.attempt(Count(self.settings.mail_limit_per_address, "reset", client_key())):
            user = await self._redeem(token, new)
        await self.login_throttle.forgive(email_key(user.email))

    async def _redeem(self, token: str, new: str) -> User:
        async with self.database.read() as session:
            row = await self.tokens.find(session, token, "reset", "invitation")
            user = await self.users(session).get(row.user_id)
        self.policy.require_good(new, user.email, user.nickname, field="new_password")
        hashed = await self.hasher.hash(new)
        # Another link for a first password may have been used at the same time.
        with failing_as({"pk_auth_credentials": InvalidToken}):
            async with self.database.transaction() as session:
                row = await self.tokens.redeem(session, token, "reset", "invitation")
                await self._set_password(session, row, hashed)
        return user

    async def _send_reset_link(self, email: str, attempt: Attempt) -> None:
        # A failure before the account is known gives the try back. A later one must not: it would reveal that there is
        # an account.
        async with attempt, self.database.read() as session:
            user = await self.users(session).find_by_email(email)
        if user is None or not user.is_active:
            return
        async with self.database.transaction() as session:
            ttl = self.settings.reset_token_ttl
            token = await self.tokens.issue(session, user.id, "reset", email=user.email, ttl=ttl)
            self.audit.record(session, "password_reset_requested", user_id=user.id)
            self.mailer.post_link(session, "reset_password", user, to=user.email, token=token, ttl=ttl)

    async def _set_password(self, session: AsyncSession, row: MailToken, hashed: str) -> None:
        user = await self.users(session).get(row.user_id)
        if not user.is_active or user.email != row.email:
            raise InvalidToken
        now = self.clock()
        replaced = await session.execute(
            update(Credential)
            .where(Credential.user_id == user.id, Credential.auth_version == row.auth_version)
            .values(password_hash=hashed, auth_version=row.auth_version + 1, must_change=False, changed_at=now)
        )
        if replaced.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result is a CursorResult
            session.add(Credential(user_id=user.id, password_hash=hashed, auth_version=1, changed_at=now))
            await session.flush()
        # The link proves that the user reads the mail. Before the sessions, in the order of locks.py.
        await self.users(session).verify_email(user.id, row.email)
        await self.users(session).accept_invitation(user.id)
        await end_sessions(session, user.id, "password_reset", now)
        self.audit.record(session, "password_reset", user_id=user.id)
        self.mailer.post_notice(session, "password_changed", user, to=user.email)
