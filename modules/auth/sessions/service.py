"""Sessions: begun at login, continued by refresh, ended by logout and for other reasons."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import InvalidCredentials, InvalidRefreshToken, SessionNotFound
from modules.auth.locks import lock_account
from modules.auth.models import Credential, LoginSession
from modules.auth.sessions.schemas import LogoutScope, TokenPair
from modules.auth.sessions.statements import ROTATE_SESSION, SELECT_SESSION, end_sessions, is_live, is_not_over
from modules.auth.sessions.tokens import AccessTokens, RefreshClaims, RefreshTokens
from modules.auth.settings import Settings
from modules.users import UserNotFound
from shared.clock import Clock
from shared.context import Principal, current_request
from shared.database import Database
from shared.http import client_key
from shared.throttle import Count, Throttle

SALT_BYTES = 32
USER_AGENT_LENGTH = 255

FoundSession = Row[UUID, UUID, bytes, datetime]


@dataclass(slots=True, kw_only=True)
class SessionService:
    """The life of a session row."""

    database: Database
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    throttle: Throttle
    audit: AuditTrail
    settings: Settings
    clock: Clock

    async def begin(self, session: AsyncSession, user_id: UUID, auth_version: int) -> TokenPair:
        """Open a session; the oldest ones beyond the cap are ended.

        Raises:
            InvalidCredentials: The user was deleted, or the password changed, just now.
        """
        try:
            # One login of a user at a time: concurrent ones would not count each other's sessions.
            await lock_account(session, user_id)
        except UserNotFound:
            raise InvalidCredentials from None
        current = select(Credential.auth_version).where(Credential.user_id == user_id)
        if await session.scalar(current) != auth_version:
            # The password was changed, or the account deactivated, since this login checked it.
            raise InvalidCredentials
        now, request = self.clock(), current_request.get()
        row = LoginSession(
            id=uuid7(),
            user_id=user_id,
            salt=secrets.token_bytes(SALT_BYTES),
            counter=0,
            auth_version=auth_version,
            created_at=now,
            auth_time=now,
            last_refreshed_at=now,
            idle_expires_at=now + min(self.settings.idle, self.settings.absolute),
            absolute_expires_at=now + self.settings.absolute,
            ip=request.client_address,
            user_agent=request.user_agent and _printable(request.user_agent[:USER_AGENT_LENGTH]),
        )
        session.add(row)
        await session.flush()
        await self._end_oldest(session, user_id, now)
        return self._pair(row.id, user_id, row.salt, counter=0, expires_in=row.idle_expires_at - now)

    async def refresh(self, token: str) -> TokenPair:
        """Trade a refresh token for the next one.

        Within the grace window the predecessor gives the same successor again, so that two tabs, or a client whose
        answer was lost, do not end their own session. A predecessor that comes later was stolen, or its successor was:
        the session ends.

        Raises:
            InvalidRefreshToken: For every reason alike. After a reuse the end of the session is committed first.
        """
        async with self._genuine(token) as (claims, row):
            now = self.clock()
            idle_expires_at = min(now + self.settings.idle, row.absolute_expires_at)
            values = {"session": row.id, "used": claims.counter, "at": now, "until": idle_expires_at}
            async with self.database.transaction() as session:
                moved = await session.execute(ROTATE_SESSION, values)
                has_moved = moved.rowcount == 1  # type: ignore[attr-defined]  # an UPDATE's result is a CursorResult
            if not has_moved:
                idle_expires_at = (await self._seen_again(claims, now)).idle_expires_at
            expires_in = idle_expires_at - now
            return self._pair(row.id, row.user_id, row.salt, counter=claims.counter + 1, expires_in=expires_in)

    async def end(self, caller: Principal, scope: LogoutScope) -> None:
        conditions: dict[LogoutScope, ColumnElement[bool]] = {
            "this": LoginSession.id == caller.session_id,
            "others": LoginSession.id != caller.session_id,
            "all": LoginSession.user_id == caller.user_id,
        }
        async with self.database.transaction() as session:
            with suppress(UserNotFound):  # deleted just now, and the sessions with the user
                await lock_account(session, caller.user_id)
            await end_sessions(session, caller.user_id, "logout", self.clock(), conditions[scope])
            self.audit.record(session, "logged_out", user_id=caller.user_id, scope=scope)

    async def end_by_refresh_token(self, token: str) -> None:
        """End the session of a refresh token, whether that was used or not; nothing if the session is over.

        Raises:
            InvalidRefreshToken: This service has not made it, or its session has been purged.
        """
        now = self.clock()
        async with self._genuine(token) as (_, row), self.database.transaction() as session:
            with suppress(UserNotFound):
                await lock_account(session, row.user_id)
            if await session.scalar(select(LoginSession.id).where(LoginSession.id == row.id, *is_not_over(now))):
                await end_sessions(session, row.user_id, "logout", now, LoginSession.id == row.id)
                self.audit.record(session, "logged_out", user_id=row.user_id, session_id=row.id, scope="this")

    async def list(self, caller: Principal) -> Sequence[LoginSession]:
        """The caller's sessions that are not over, the latest login first."""
        query = select(LoginSession).where(*is_not_over(self.clock()), LoginSession.user_id == caller.user_id)
        async with self.database.read() as session:
            return (await session.scalars(query.order_by(LoginSession.created_at.desc(), LoginSession.id.desc()))).all()

    async def end_one(self, caller: Principal, session_id: UUID) -> None:
        """Raises SessionNotFound if the caller has no such session, or it is over."""
        now = self.clock()
        own = (LoginSession.id == session_id, LoginSession.user_id == caller.user_id)
        async with self.database.transaction() as session:
            with suppress(UserNotFound):
                await lock_account(session, caller.user_id)
            if await session.scalar(select(LoginSession.id).where(*own, *is_not_over(now))) is None:
                raise SessionNotFound
            await end_sessions(session, caller.user_id, "logout", now, *own)
            self.audit.record(session, "session_ended", user_id=caller.user_id, ended=str(session_id))

    @asynccontextmanager
    async def _genuine(self, token: str) -> AsyncIterator[tuple[RefreshClaims, FoundSession]]:
        """Raises InvalidRefreshToken if it is not genuine; does not check whether it was used, or its session is over.

        The limits count the block as one try.
        """
        settings = self.settings
        async with self.throttle.attempt(Count(settings.refresh_limit_per_address, "refresh", client_key())) as attempt:
            claims = self.refresh_tokens.parse(token)
            row = await self._find(claims.session_id) if claims else None
            if claims is None or row is None or not self.refresh_tokens.is_genuine(claims, row.salt):
                raise InvalidRefreshToken
            await attempt.take(Count(settings.refresh_limit_per_session, "refresh_session", str(row.id)))
            yield claims, row

    async def _seen_again(self, claims: RefreshClaims, now: datetime) -> LoginSession:
        """For a token that was used before, or whose session is over. A new transaction sees the latest commits."""
        async with self.database.transaction() as session:
            row = await session.scalar(select(LoginSession).where(*is_live(claims.session_id, now)))
            if row is None or row.counter <= claims.counter:
                raise InvalidRefreshToken
            is_direct_successor = row.counter == claims.counter + 1
            if (
                is_direct_successor
                and self.settings.refresh_grace
                and now - row.last_refreshed_at <= self.settings.grace
            ):
                return row
            with suppress(UserNotFound):
                await lock_account(session, row.user_id)
            await end_sessions(session, row.user_id, "reuse", now, LoginSession.id == row.id)
            self.audit.record(session, "refresh_token_reused", user_id=row.user_id, session_id=row.id)
        # Outside the block: raised within it, the answer would roll the revocation back.
        raise InvalidRefreshToken

    async def _find(self, session_id: UUID) -> FoundSession | None:
        async with self.database.read() as session:
            return (await session.execute(SELECT_SESSION, {"session": session_id})).one_or_none()

    async def _end_oldest(self, session: AsyncSession, user_id: UUID, now: datetime) -> None:
        live = select(LoginSession.id).where(LoginSession.user_id == user_id, *is_not_over(now))
        newest_first = live.order_by(LoginSession.created_at.desc(), LoginSession.id.desc())
        too_many = (await session.scalars(newest_first.offset(self.settings.sessions_per_user).limit(100))).all()
        if too_many:
            await end_sessions(session, user_id, "cap", now, LoginSession.id.in_(too_many))

    def _pair(self, session_id: UUID, user_id: UUID, salt: bytes, *, counter: int, expires_in: timedelta) -> TokenPair:
        return TokenPair(
            access_token=self.access_tokens.issue(user_id, session_id),
            expires_in=self.settings.access_token_ttl,
            refresh_token=self.refresh_tokens.issue(session_id, counter, salt),
            refresh_expires_in=int(expires_in.total_seconds()),
            session_id=session_id,
        )


def _printable(text: str) -> str:
    # PostgreSQL stores no NUL, and a terminal that lists sessions obeys control characters.
    return "".join(character if character.isprintable() else " " for character in text)
