from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.errors import RegistrationClosed
from modules.auth.models import ADMIN, Credential, UserRole
from modules.auth.passwords import PasswordHasher
from modules.auth.schemas import RegisterRequest
from modules.auth.services.policy import PasswordPolicy
from modules.auth.settings import Settings
from modules.users import User, UserCreate, UserService
from shared.clock import Clock
from shared.database import Database

UsersIn = Callable[[AsyncSession], UserService]


class RegistrationService:
    """New accounts with a password: a user's own, and an administrator's."""

    def __init__(  # noqa: PLR0913 - what it is built from; the container calls it
        self,
        database: Database,
        *,
        users: UsersIn,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._users = users
        self._hasher = hasher
        self._policy = policy
        self._settings = settings
        self._clock = clock

    async def register(self, data: RegisterRequest) -> User:
        if self._settings.registration == "closed":
            raise RegistrationClosed
        hashed = await self._hash_good_password(data)
        async with self._database.transaction() as session:
            return await self._create(session, data, hashed)

    async def create_admin(self, data: RegisterRequest) -> User:
        """Create an account that holds the role `admin`.

        Raises:
            EmailTaken: The address has an account already; `promote` makes that one an administrator.
        """
        hashed = await self._hash_good_password(data)
        async with self._database.transaction() as session:
            user = await self._create(session, data, hashed)
            session.add(UserRole(user_id=user.id, role_name=ADMIN))
            return user

    async def promote(self, email: str) -> User | None:
        """Give an existing account the role `admin`; None if the address has no account."""
        async with self._database.transaction() as session:
            user = await self._users(session).find_by_email(email)
            if user is None:
                return None
            held = await session.scalar(select(UserRole).filter_by(user_id=user.id, role_name=ADMIN))
            if held is None:
                session.add(UserRole(user_id=user.id, role_name=ADMIN))
            return user

    async def _hash_good_password(self, data: RegisterRequest) -> str:
        # Before the transaction: a hash takes a quarter of a second, and SQLite has one writer at a time.
        self._policy.require_good(data.password, data.email, data.nickname)
        return await self._hasher.hash(data.password)

    async def _create(self, session: AsyncSession, data: RegisterRequest, hashed: str) -> User:
        user = await self._users(session).create(UserCreate(email=data.email, nickname=data.nickname))
        session.add(Credential(user_id=user.id, password_hash=hashed, auth_version=1, changed_at=self._clock()))
        return user
