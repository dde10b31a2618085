"""Keeps at least one administrator, also under concurrent requests."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.locks import lock_roles
from modules.auth.models import ADMIN, Credential, Role, UserRole
from modules.users import LastAdmin, User


async def keep_an_administrator(session: AsyncSession, *, without: UUID) -> None:
    """Make sure that an administrator who can log in remains without this user.

    An invited one who has not chosen a password yet does not count, and may never do so.

    Raises:
        LastAdmin: This user is the only one.
    """
    await lock_roles(session)
    able = (
        select(UserRole.user_id)
        .join(User, User.id == UserRole.user_id)
        .join(Credential, Credential.user_id == UserRole.user_id)
        .where(UserRole.role_name == ADMIN, User.is_active.is_(True))
    )
    if (await session.scalars(able.limit(2))).all() == [without]:
        raise LastAdmin


async def grant_role(session: AsyncSession, user_id: UUID, role_name: str, now: datetime) -> None:
    """Give a role to a user, who may hold it already; the first grant of `admin` is recorded."""
    if role_name == ADMIN:
        await lock_roles(session)
        await session.execute(
            update(Role).where(Role.name == ADMIN, Role.first_granted_at.is_(None)).values(first_granted_at=now)
        )
    if await session.get(UserRole, (user_id, role_name)) is None:
        session.add(UserRole(user_id=user_id, role_name=role_name))
