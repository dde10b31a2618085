from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from modules.users.emails import email_key, special_use
from modules.users.errors import EmailTaken, UserNotFound
from modules.users.events import (
    UserAboutToChange,
    UserActivated,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserEmailCorrected,
    UserInvited,
)
from modules.users.models import User
from modules.users.schemas import UserCreate, UserUpdate
from modules.users.settings import Settings
from shared.clock import Clock
from shared.database import failing_as
from shared.errors import ValidationFailed
from shared.events import EventBus
from shared.paging import BeginsWith, PageOf, PageRequest, Paginator, search_text

UserServiceFactory = Callable[[AsyncSession], "UserService"]
"""Builds the service for a session, for modules that open their own transactions; their container provides it."""

UserSort = Literal["created_at", "-created_at", "email", "-email"]

SORTABLE = {"created_at": User.created_at, "email": User.email_key}


@dataclass(slots=True, kw_only=True)
class UserService:
    """The use cases of users, within the caller's session."""

    session: AsyncSession = field(kw_only=False)  # a `UserServiceFactory` takes it
    events: EventBus
    clock: Clock
    paginator: Paginator
    settings: Settings

    async def get(self, user_id: UUID) -> User:
        user = await self.session.get(User, user_id)
        if user is None:
            raise UserNotFound
        return user

    async def find_by_email(self, email: str) -> User | None:
        return await self.session.scalar(select(User).where(User.email_key == email_key(email)))

    async def list(
        self,
        request: PageRequest,
        *,
        q: str | None = None,
        is_active: bool | None = None,
        is_invited: bool | None = None,
    ) -> PageOf[User]:
        """Users whose address or nickname begins with `q`, in any case and with accents in any encoding."""
        query = select(User)
        # `=`, since MariaDB uses no index for `IS true`.
        if is_active is not None:
            query = query.where(User.is_active == is_active)
        if is_invited is not None:
            query = query.where(User.is_invited == is_invited)
        search = [BeginsWith(User.email_key, email_key(q)), BeginsWith(User.nickname_key, search_text(q))] if q else []
        return await self.paginator.page(self.session, query, request, columns=SORTABLE, key=User.id, search=search)

    def require_usable_domain(self, email: str, field: str = "email") -> None:
        """Refuse an address in a special-use domain, unless the operator allows that.

        Raises:
            ValidationFailed: At `field` of the body.
        """
        name = special_use(email)
        domain = f".{email.rpartition('@')[2]}"
        if name is not None and not any(domain.endswith(f".{one}") for one in self.settings.private_domains):
            raise ValidationFailed.at(
                "body",
                field,
                type_="email_domain_private",
                msg=f"The domain {name} is for private use and not allowed here: USERS_PRIVATE_DOMAINS allows it.",
            )

    async def create(self, data: UserCreate) -> User:
        self.require_usable_domain(data.email)
        now = self.clock()
        user = User(
            email=data.email,
            email_key=email_key(data.email),
            nickname=data.nickname,
            locale=data.locale,
            is_active=True,
            email_verified=False,
            created_at=now,
            updated_at=now,
        )
        self.session.add(user)
        await self._flush()
        await self.events.publish(UserCreated(user.id), self.session)
        return user

    async def invite(self, data: UserCreate) -> User:
        """Make an account for somebody else, who will be asked to choose a password."""
        user = await self.create(data)
        user.is_invited = True
        await self._flush()
        await self.events.publish(UserInvited(user.id), self.session)
        return user

    async def accept_invitation(self, user_id: UUID) -> None:
        """Record that the user has chosen a password; nothing if the user was not invited."""
        user = await self.get(user_id)
        user.is_invited = False
        user.updated_at = self.clock()
        await self._flush()

    async def update(self, user_id: UUID, data: UserUpdate) -> User:
        user = await self._get_for_change(user_id)
        changes = {
            name: value for name, value in data.model_dump(exclude_unset=True).items() if getattr(user, name) != value
        }
        if not changes:
            return user
        if (email := changes.get("email")) is not None:
            self.require_usable_domain(email)
            # First of all, so that handlers can lock what they need.
            await self.events.publish(UserEmailCorrected(user_id, email), self.session)
            user.email_key, user.email_verified = email_key(email), False
        for name, value in changes.items():
            setattr(user, name, value)
        user.updated_at = self.clock()
        await self._flush()
        await self.events.publish(UserChanged(user_id, tuple(sorted(changes))), self.session)
        return user

    async def verify_email(self, user_id: UUID, email: str) -> bool:
        """Record that the user reads the mail of this address; False if it is not the user's address any more."""
        user = await self.get(user_id)
        if user.email != email:
            return False
        user.email_verified = True
        user.updated_at = self.clock()
        await self._flush()
        return True

    async def change_email(self, user_id: UUID, email: str) -> User:
        """Give the user another address, which has been verified."""
        self.require_usable_domain(email)
        user = await self.get(user_id)
        user.email, user.email_key, user.email_verified = email, email_key(email), True
        user.updated_at = self.clock()
        await self._flush()
        return user

    async def deactivate(self, user_id: UUID) -> User:
        return await self._set_active(user_id, UserDeactivated(user_id), is_active=False)

    async def activate(self, user_id: UUID) -> User:
        return await self._set_active(user_id, UserActivated(user_id), is_active=True)

    async def delete(self, user_id: UUID) -> None:
        """Remove the user for good, with everything that belongs to it."""
        user = await self._get_for_change(user_id)
        await self.events.publish(UserDeleted(user_id), self.session)
        await self.session.delete(user)
        await self._flush()

    async def _get_for_change(self, user_id: UUID) -> User:
        # Read afterwards, since a handler may have waited for another request.
        await self.events.publish(UserAboutToChange(user_id), self.session)
        return await self.get(user_id)

    async def _set_active(self, user_id: UUID, event: object, *, is_active: bool) -> User:
        user = await self._get_for_change(user_id)
        if user.is_active != is_active:
            await self.events.publish(event, self.session)
            user.is_active = is_active
            user.updated_at = self.clock()
            await self._flush()
        return user

    async def _flush(self) -> None:
        try:
            with failing_as({"uq_users_email_key": EmailTaken}):
                await self.session.flush()
        except StaleDataError:
            # Another request has deleted the user since this one read it.
            raise UserNotFound from None
