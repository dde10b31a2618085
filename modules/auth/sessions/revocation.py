from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.audit.trail import AuditTrail
from modules.auth.locks import lock_account
from modules.auth.roles.authority import Authority
from modules.auth.sessions.statements import end_sessions
from shared.clock import Clock


@dataclass(slots=True, kw_only=True)
class SessionRevocation:
    """Logs another user out, within the caller's session."""

    session: AsyncSession
    authority: Authority
    audit: AuditTrail
    clock: Clock

    async def revoke(self, user_id: UUID) -> None:
        """End all sessions of a user, who may log in again.

        Raises:
            UserNotFound: User not found.
            UserOutOfReach: The user may do more than the caller.
        """
        await self.authority.require_over_user(self.session, user_id)
        await lock_account(self.session, user_id)
        await end_sessions(self.session, user_id, "revoked", self.clock())
        self.audit.record(self.session, "sessions_revoked", user_id=user_id)
