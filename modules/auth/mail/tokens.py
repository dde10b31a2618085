"""Tokens that are mailed as links: random, stored as a hash, good for one use and one purpose."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.errors import InvalidToken
from modules.auth.locks import lock_account
from modules.auth.models import Credential, MailToken
from modules.auth.voiding import void_links
from modules.users import UserNotFound
from shared.clock import Clock

TOKEN_BYTES = 32

Purpose = Literal["reset", "invitation", "verification", "email_change"]


@dataclass(slots=True, kw_only=True)
class MailTokens:
    clock: Clock

    async def issue(self, session: AsyncSession, user_id: UUID, purpose: Purpose, *, email: str, ttl: int) -> str:
        """Make a token for the reader of `email`'s mail; `ttl` is in seconds."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self.clock()
        session.add(
            MailToken(
                user_id=user_id,
                purpose=purpose,
                token_hash=_hash(token),
                email=email,
                auth_version=await _auth_version(session, user_id),
                created_at=now,
                expires_at=now + timedelta(seconds=ttl),
            )
        )
        await session.flush()
        return token

    async def find(self, session: AsyncSession, token: str, *purposes: Purpose) -> MailToken:
        """Look a token up without using it.

        Raises:
            InvalidToken: It does not exist, was used, has expired, is for something else, or the password has been
                changed since it was made.
        """
        row = await session.scalar(
            select(MailToken).where(
                MailToken.token_hash == _hash(token),
                MailToken.purpose.in_(purposes),
                MailToken.expires_at > self.clock(),
            )
        )
        if row is None or row.auth_version != await _auth_version(session, row.user_id):
            raise InvalidToken
        return row

    async def redeem(self, session: AsyncSession, token: str, *purposes: Purpose) -> MailToken:
        """Use a token up, and with it all others of its user for the same purpose; raises as `find` does."""
        row = await self.find(session, token, *purposes)
        try:
            await lock_account(session, row.user_id)
        except UserNotFound:
            raise InvalidToken from None
        # Check again: the password may have been changed while this waited.
        row = await self.find(session, token, *purposes)
        session.expunge(row)
        # Of concurrent requests with the same token only one deletes the row.
        deleted = await session.execute(delete(MailToken).where(MailToken.id == row.id))
        if deleted.rowcount != 1:  # type: ignore[attr-defined]  # a DELETE's result is a CursorResult
            raise InvalidToken
        await void_links(session, row.user_id, row.purpose)
        return row


async def _auth_version(session: AsyncSession, user_id: UUID) -> int:
    """The version of the password, which changes with it; 0 without a password."""
    query = select(func.coalesce(func.max(Credential.auth_version), 0)).where(Credential.user_id == user_id)
    return await session.scalar(query) or 0


def _hash(token: str) -> str:
    # The token has 256 random bits: it needs no salt and no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
