"""Checking the current password again, and changing it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update

from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import WrongPassword
from modules.auth.mail.mailer import AuthMailer
from modules.auth.models import Credential, LoginSession
from modules.auth.passwords.hashing import PasswordHasher
from modules.auth.passwords.policy import PasswordPolicy
from modules.auth.sessions.statements import end_sessions
from modules.auth.settings import Settings
from modules.users import User
from shared.clock import Clock
from shared.context import Principal, confirm_caller
from shared.database import Database
from shared.errors import ValidationFailed
from shared.throttle import Count, Throttle, ended_in, succeeded


@dataclass(slots=True, kw_only=True)
class PasswordService:
    database: Database
    hasher: PasswordHasher
    policy: PasswordPolicy
    mailer: AuthMailer
    throttle: Throttle
    audit: AuditTrail
    settings: Settings
    clock: Clock

    async def require(self, caller: Principal, password: str) -> tuple[User, Credential]:
        """Require the password of a logged-in user again; a stolen session alone must not be enough.

        Wrong tries are counted by session: a thief's do not keep the owner, who has another one, from changing the
        password. A right one clears the count.

        Raises:
            WrongPassword: The audit trail records it.
            TooManyRequests: This session has used its tries; or the user too many checks, as each costs a hash.
        """
        settings, session_id = self.settings, str(caller.session_id)
        try:
            async with self.throttle.attempt(
                Count(
                    settings.password_limit_per_session, "password_failure", session_id, stands=ended_in(WrongPassword)
                ),
                Count(settings.password_limit_per_user, "password", str(caller.user_id), stands=succeeded),
            ):
                proven = await self._prove(caller.user_id, password)
        except WrongPassword:
            # The try is counted already, even if it cannot be recorded.
            async with self.database.transaction() as session:
                self.audit.record(session, "password_check_failed", user_id=caller.user_id)
            raise
        await self.throttle.clear(settings.password_limit_per_session, "password_failure", session_id)
        return proven

    async def change(self, caller: Principal, current: str, new: str) -> None:
        """Replace the password; every other session of the user ends.

        Raises:
            WrongPassword: Also if another request has just changed the password.
            ValidationFailed: The new one is not good enough.
        """
        user, credential = await self.require(caller, current)
        if new == current:
            raise ValidationFailed.at(
                "body", "new_password", type_="password_unchanged", msg="This is the old password."
            )
        self.policy.require_good(new, user.email, user.nickname, field="new_password")
        hashed = await self.hasher.hash(new)
        async with self.database.transaction() as session:
            version = credential.auth_version + 1
            changed = await session.execute(
                update(Credential)
                .where(Credential.user_id == user.id, Credential.password_hash == credential.password_hash)
                .where(Credential.auth_version == credential.auth_version)
                .values(password_hash=hashed, auth_version=version, must_change=False, changed_at=self.clock())
            )
            if changed.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result is a CursorResult
                raise WrongPassword
            others = LoginSession.id != caller.session_id
            await end_sessions(session, user.id, "password_changed", self.clock(), others)
            await session.execute(
                update(LoginSession).where(LoginSession.id == caller.session_id).values(auth_version=version)
            )
            self.audit.record(session, "password_changed", user_id=user.id)
            self.mailer.post_notice(session, "password_changed", user, to=user.email)

    async def _prove(self, user_id: UUID, password: str) -> tuple[User, Credential]:
        async with self.database.read() as session:
            await confirm_caller(session)  # an ended login learns nothing about the password
            found = await session.execute(
                select(User, Credential).join(Credential, Credential.user_id == User.id).where(User.id == user_id)
            )
        proven = found.one_or_none()
        # None if another request has deleted the user since this one was authorised.
        if proven is None or not await self.hasher.verify(password, proven[1].password_hash):
            raise WrongPassword
        user, credential = proven
        return user, credential
