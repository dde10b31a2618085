"""The conditions and statements for session rows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, bindparam, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import Credential, LoginSession
from modules.users import User


def is_live(
    session_id: UUID | BindParameter[UUID], now: datetime | BindParameter[datetime]
) -> list[ColumnElement[bool]]:
    """The session is not over, its user is active, and no later event has voided all logins."""
    return [
        LoginSession.id == session_id,
        *is_not_over(now),
        exists().where(User.id == LoginSession.user_id, User.is_active.is_(True)),
        exists().where(
            Credential.user_id == LoginSession.user_id, Credential.auth_version == LoginSession.auth_version
        ),
    ]


def is_not_over(now: datetime | BindParameter[datetime]) -> list[ColumnElement[bool]]:
    return [
        LoginSession.revoked_at.is_(None),
        LoginSession.idle_expires_at > now,
        LoginSession.absolute_expires_at > now,
    ]


# Built once, since building a statement takes longer than running it.
SELECT_SESSION = select(
    LoginSession.id, LoginSession.user_id, LoginSession.salt, LoginSession.absolute_expires_at
).where(LoginSession.id == bindparam("session"))
# Compare and swap: of concurrent requests with the same token only one changes the row.
ROTATE_SESSION = (
    update(LoginSession)
    .where(LoginSession.counter == bindparam("used"), *is_live(bindparam("session"), bindparam("at")))
    .values(counter=LoginSession.counter + 1, last_refreshed_at=bindparam("at"), idle_expires_at=bindparam("until"))
    .execution_options(synchronize_session=False)
)


async def end_sessions(
    session: AsyncSession, user_id: UUID, reason: str, now: datetime, *conditions: ColumnElement[bool]
) -> None:
    """End all sessions of a user, or those that meet the `conditions`; ended ones stay as they are."""
    await session.execute(
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None), *conditions)
        .values(revoked_at=now, revoke_reason=reason)
        .execution_options(synchronize_session=False)
    )
