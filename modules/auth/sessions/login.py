from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import select, update

from modules.auth.audit.trail import AuditName, AuditTrail
from modules.auth.errors import InvalidCredentials
from modules.auth.models import Credential
from modules.auth.passwords.hashing import PasswordHasher
from modules.auth.sessions.login_throttle import LoginThrottle
from modules.auth.sessions.schemas import LoginRequest, TokenPair
from modules.auth.sessions.service import SessionService
from modules.users import User, email_key
from shared.database import Database
from shared.errors import TooManyRequests

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class LoginService:
    database: Database
    hasher: PasswordHasher
    sessions: SessionService
    throttle: LoginThrottle
    audit: AuditTrail

    async def login(self, data: LoginRequest) -> TokenPair:
        """Check the password and open a session.

        Raises:
            InvalidCredentials: The same, and after the same time, whether the account does not exist, has no password
                or another one, or is deactivated.
            TooManyRequests: Before anything else is checked, so it reveals nothing either.
            Unavailable: Too many hashes are waiting already. Like every fault of ours it is not counted as a failed
                login.
        """
        # Most of a flood is refused here, before anything is counted, or read from the database.
        self.hasher.require_room()
        account, user_id = email_key(data.email), None
        try:
            async with self.throttle.attempt(account):
                user_id, is_active, credential = await self._find(account)
                pair = await self._open(credential if is_active else None, data.password)
        except TooManyRequests:
            await self._note_lockout(account)
            raise
        except InvalidCredentials:
            # The try is counted already, so that a database that refuses writes does not allow more of them.
            await self._record("login_failed", user_id)
            raise
        await self.throttle.forgive(account)
        return pair

    async def _open(self, credential: Credential | None, password: str) -> TokenPair:
        # No transaction is open while the hash is computed: that takes a quarter of a second.
        matches = await self.hasher.verify(password, credential.password_hash if credential else None)
        if not matches or credential is None:
            raise InvalidCredentials
        if self.hasher.needs_rehash(credential.password_hash):
            await self._rehash(credential.user_id, password, credential.password_hash)
        async with self.database.transaction() as session:
            pair = await self.sessions.begin(session, credential.user_id, credential.auth_version)
            self.audit.record(session, "login_succeeded", user_id=credential.user_id, session_id=pair.session_id)
        return pair

    async def _note_lockout(self, account: str) -> None:
        with suppress(TooManyRequests):  # recorded recently
            async with self.throttle.notice(account):
                user_id, _, _ = await self._find(account)
                await self._record("login_locked_out", user_id)

    async def _find(self, account: str) -> tuple[UUID | None, bool, Credential | None]:
        """The user's id, whether the account is active, and its password, of which each may be missing."""
        query = (
            select(User.id, User.is_active, Credential)
            .outerjoin(Credential, Credential.user_id == User.id)
            .where(User.email_key == account)
        )
        async with self.database.read() as session:
            found = (await session.execute(query)).one_or_none()
        user_id, is_active, credential = found or (None, False, None)
        return user_id, is_active, credential

    async def _record(self, event: AuditName, user_id: UUID | None) -> None:
        async with self.database.transaction() as session:
            self.audit.record(session, event, user_id=user_id)

    async def _rehash(self, user_id: UUID, password: str, stored: str) -> None:
        """Bring an old hash up to today's cost and scheme. A login never fails because this did."""
        try:
            hashed = await self.hasher.hash(password)
            async with self.database.transaction() as session:
                # Compare and swap: a password changed in this moment stays changed.
                await session.execute(
                    update(Credential)
                    .where(Credential.user_id == user_id, Credential.password_hash == stored)
                    .values(password_hash=hashed)
                )
        except Exception:
            # Whatever the reason, an unavailable database or a full queue: the next login does it.
            log.warning("rehash_failed", user_id=str(user_id), exc_info=True)
