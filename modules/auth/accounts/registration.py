from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.accounts.schemas import RegisterRequest
from modules.auth.addresses.service import EmailAddressService
from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import RegistrationClosed
from modules.auth.locks import lock_roles
from modules.auth.models import ADMIN, Credential, Role
from modules.auth.passwords.hashing import PasswordHasher
from modules.auth.passwords.policy import PasswordPolicy
from modules.auth.roles.administrators import grant_role
from modules.auth.settings import Settings
from modules.users import User, UserCreate, UserServiceFactory
from shared.clock import Clock
from shared.database import Database
from shared.http import client_key
from shared.locales import Locale
from shared.throttle import Count, Throttle


@dataclass(slots=True, kw_only=True)
class RegistrationService:
    """Creates accounts with a password, for users and for administrators."""

    database: Database
    users: UserServiceFactory
    hasher: PasswordHasher
    policy: PasswordPolicy
    emails: EmailAddressService
    throttle: Throttle
    audit: AuditTrail
    settings: Settings
    clock: Clock

    async def register(self, data: RegisterRequest, locale: Locale) -> User:
        """Raises RegistrationClosed, TooManyRequests, ValidationFailed (the password) and EmailTaken."""
        async with self.throttle.attempt(Count(self.settings.register_limit_per_address, "register", client_key())):
            if self.settings.registration == "closed":
                raise RegistrationClosed
            hashed = await self._hash_good_password(data)
            async with self.database.transaction() as session:
                user = await self._create(session, data, hashed, locale)
                self.audit.record(session, "account_registered", user_id=user.id)
                await self.emails.send_verification(session, user)
                return user

    async def create_admin(self, data: RegisterRequest) -> User:
        """Create an account that holds the role `admin`.

        Raises:
            EmailTaken: The address has an account already, which stays as it is.
        """
        hashed = await self._hash_good_password(data)
        async with self.database.transaction() as session:
            user = await self._create(session, data, hashed, data.locale or "en")
            await self._make_administrator(session, user)
            return user

    async def has_had_administrator(self, session: AsyncSession) -> bool:
        """True if anybody has ever had the role `admin`. Locks the roles until the transaction ends."""
        await lock_roles(session)
        return await session.scalar(select(Role.first_granted_at).where(Role.name == ADMIN)) is not None

    async def create_first_admin(self, session: AsyncSession, data: RegisterRequest) -> User:
        """Like `create_admin`, within a transaction; the administrator must choose another password."""
        hashed = await self._hash_good_password(data)
        user = await self._create(session, data, hashed, data.locale or "en", must_change=True)
        await self._make_administrator(session, user)
        return user

    async def _make_administrator(self, session: AsyncSession, user: User) -> None:
        await grant_role(session, user.id, ADMIN, self.clock())
        self.audit.record(session, "administrator_created", user_id=user.id)

    async def _hash_good_password(self, data: RegisterRequest) -> str:
        # Before the transaction: a hash takes a quarter of a second, and SQLite has one writer at a time.
        self.policy.require_good(data.password, data.email, data.nickname)
        return await self.hasher.hash(data.password)

    async def _create(
        self, session: AsyncSession, data: RegisterRequest, hashed: str, locale: Locale, *, must_change: bool = False
    ) -> User:
        user = await self.users(session).create(UserCreate(email=data.email, nickname=data.nickname, locale=locale))
        session.add(
            Credential(
                user_id=user.id, password_hash=hashed, auth_version=1, must_change=must_change, changed_at=self.clock()
            )
        )
        return user
