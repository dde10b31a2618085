from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from modules.auth.errors import InvalidCredentials
from modules.auth.models import Credential
from modules.auth.passwords import PasswordHasher
from modules.auth.schemas import LoginRequest, TokenPair
from modules.auth.services.sessions import Device, SessionService
from modules.users import User, email_key
from shared.database import Database

log = structlog.get_logger(__name__)


class LoginService:
    def __init__(self, database: Database, *, hasher: PasswordHasher, sessions: SessionService) -> None:
        self._database = database
        self._hasher = hasher
        self._sessions = sessions

    async def login(self, data: LoginRequest, device: Device) -> TokenPair:
        """Check the password and open a session.

        Raises:
            InvalidCredentials: The same, and after the same time, whether the account does not exist, has another
                password, or is deactivated.
        """
        # No transaction is open while the hash is computed: that takes a quarter of a second.
        async with self._database.read() as session:
            found = await session.execute(
                select(Credential, User.is_active)
                .join(User, User.id == Credential.user_id)
                .where(User.email_key == email_key(data.email))
            )
        credential, is_active = found.one_or_none() or (None, False)
        stored = credential.password_hash if credential and is_active else None
        if not await self._hasher.verify(data.password, stored) or credential is None:
            raise InvalidCredentials
        if self._hasher.needs_rehash(credential.password_hash):
            await self._rehash(credential.user_id, data.password, credential.password_hash)
        async with self._database.transaction() as session:
            return await self._sessions.begin(session, credential.user_id, credential.auth_version, device)

    async def _rehash(self, user_id: UUID, password: str, stored: str) -> None:
        """Bring an old hash up to today's cost and scheme. A login never fails because this did."""
        try:
            hashed = await self._hasher.hash(password)
            async with self._database.transaction() as session:
                # Compare and swap: a password changed in this moment stays changed.
                await session.execute(
                    update(Credential)
                    .where(Credential.user_id == user_id, Credential.password_hash == stored)
                    .values(password_hash=hashed)
                )
        except SQLAlchemyError:
            log.warning("rehash_failed", user_id=str(user_id), exc_info=True)
