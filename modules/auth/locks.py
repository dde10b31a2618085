"""The locks to take before changing several rows at once, in this order: the roles, a user, the user's password.

Only then come the sessions. Two transactions that lock in different orders would wait for each other. SQLite needs no
locks: it has one writing transaction at a time.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import ADMIN, Credential, Role
from modules.users import User, UserNotFound
from shared.context import confirm_caller


async def lock_roles(session: AsyncSession) -> None:
    """Lock the roles, and who holds them, until the transaction ends.

    An earlier transaction may have changed the caller's own roles, so the caller is checked again.
    """
    await session.execute(select(Role.name).where(Role.name == ADMIN).with_for_update())
    await confirm_caller(session)


async def lock_account(session: AsyncSession, user_id: UUID) -> None:
    """Lock a user against logins, and against changes of the password and the user, until the transaction ends.

    Raises:
        UserNotFound: There is no such user, perhaps because of a deletion that this has waited for.
    """
    # The user first: the password may not exist yet, and be chosen while this waits.
    if await session.scalar(select(User.id).where(User.id == user_id).with_for_update()) is None:
        raise UserNotFound
    await session.execute(select(Credential.user_id).where(Credential.user_id == user_id).with_for_update())
