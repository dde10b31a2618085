"""Voids the sessions and links of an account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import Credential, MailToken
from modules.auth.sessions.statements import end_sessions


async def void_everything(session: AsyncSession, user_id: UUID, reason: str, now: datetime) -> None:
    """End every session of a user and void every link that was mailed; the password stays as it is.

    A login that has checked the password already and is just about to open a session is void, too. The caller holds
    `lock_account`.
    """
    await session.execute(
        update(Credential)
        .where(Credential.user_id == user_id)
        .values(auth_version=Credential.auth_version + 1)
        .execution_options(synchronize_session=False)
    )
    await void_links(session, user_id)
    await end_sessions(session, user_id, reason, now)


async def void_links(session: AsyncSession, user_id: UUID, *purposes: str) -> None:
    """Void the links for these purposes, or all of them; those of an account without a password have no version."""
    links = select(MailToken.id).where(MailToken.user_id == user_id)
    if purposes:
        links = links.where(MailToken.purpose.in_(purposes))
    # By their ids: MariaDB's DELETE waits for every row that it reads, and one that is just being written may wait for
    # this account.
    await session.execute(delete(MailToken).where(MailToken.id.in_((await session.scalars(links)).all())))
