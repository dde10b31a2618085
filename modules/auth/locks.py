"""What to wait for before changing several rows at once, in this order: the roles, a user, the user's password.

Only then come the sessions. Two transactions that lock in different orders would wait for each other. On SQLite there
is nothing to wait for: a transaction that writes is alone from its beginning.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import ADMIN, Credential, Role
from modules.users import User, UserNotFound
from shared.context import confirm_caller


async def lock_roles(session: AsyncSession) -> None:
    """Wait until nobody else is changing roles, or who holds them; holds until the transaction ends.

    Whoever was first may have changed the caller's own roles: they are looked at again.
    """
    await session.execute(select(Role.name).where(Role.name == ADMIN).with_for_update())
    await confirm_caller(session)


async def lock_account(session: AsyncSession, user_id: UUID) -> None:
    """Wait until nobody else is logging in as this user, or changing the password or the user.

    Raises:
        UserNotFound: There is none, or none any more: it was a deletion that we waited for.
    """
    # The user first: the password may not be there yet, and be chosen while this waits.
    if await session.scalar(select(User.id).where(User.id == user_id).with_for_update()) is None:
        raise UserNotFound
    await session.execute(select(Credential.user_id).where(Credential.user_id == user_id).with_for_update())
