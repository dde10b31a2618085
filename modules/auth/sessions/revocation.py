from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.audit.trail import AuditTrail
from modules.auth.locks import lock_account
from modules.auth.roles.authority import Authority
from modules.auth.sessions.statements import end_sessions
from shared.clock import Clock


class SessionRevocation:
    """Logging somebody else out, within the caller's session."""

    def __init__(self, session: AsyncSession, *, authority: Authority, audit: AuditTrail, clock: Clock) -> None:
        self._session = session
        self._authority = authority
        self._audit = audit
        self._clock = clock

    async def revoke(self, user_id: UUID) -> None:
        """End all sessions of a user, who may log in again.

        Raises:
            UserNotFound: User not found.
            UserOutOfReach: The user may do more than the caller.
        """
        await self._authority.require_over_user(self._session, user_id)
        await lock_account(self._session, user_id)
        await end_sessions(self._session, user_id, "revoked", self._clock())
        self._audit.record(self._session, "sessions_revoked", user_id=user_id)
