from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.errors import PasswordChangeRequired
from modules.auth.models import Credential, LoginSession, RolePermission, UserRole
from modules.auth.roles.permissions import DeclaredPermissions
from modules.auth.sessions.tokens import LEEWAY, AccessTokens
from modules.users import Profile, User, profile_columns
from shared.clock import Clock
from shared.context import Principal
from shared.database import Database, UtcDateTime

_NOW = bindparam("now", type_=UtcDateTime())
_PROFILE = profile_columns()

# Built once, since building it takes longer than running it.
AUTHENTICATE = (
    select(LoginSession.auth_time, Credential.must_change, UserRole.role_name, RolePermission.permission, *_PROFILE)
    .join(User, User.id == LoginSession.user_id)
    .join(Credential, Credential.user_id == LoginSession.user_id)
    .outerjoin(UserRole, UserRole.user_id == LoginSession.user_id)
    .outerjoin(RolePermission, RolePermission.role_name == UserRole.role_name)
    .where(
        LoginSession.id == bindparam("session_id"),
        LoginSession.user_id == bindparam("user_id"),
        LoginSession.revoked_at.is_(None),
        LoginSession.idle_expires_at > _NOW,
        LoginSession.absolute_expires_at > _NOW,
        LoginSession.auth_version == Credential.auth_version,
        User.is_active.is_(True),
    )
)


class SessionAuthenticator:
    """Checks every request in the database, in one query: logout, deactivation and role changes take effect at once."""

    denials = (PasswordChangeRequired,)

    def __init__(
        self, database: Database, *, access_tokens: AccessTokens, permissions: DeclaredPermissions, clock: Clock
    ) -> None:
        self._database = database
        self._query = database.prepare(AUTHENTICATE)
        self._access_tokens = access_tokens
        self._declared = permissions
        self._clock = clock

    async def authenticate(self, token: str) -> Principal | None:
        claims = self._access_tokens.verify(token)
        if claims is None:
            return None
        now = self._clock()
        rows = await self._database.fetch(self._query, _parameters(claims.user_id, claims.session_id, now))
        return self._principal(claims.user_id, claims.session_id, claims.expires_at, rows)

    async def confirm(self, principal: Principal, session: AsyncSession) -> Principal | None:
        """Check again within a transaction, including the expiry of the token."""
        now = self._clock()
        if principal.expires_at is not None and principal.expires_at <= now.timestamp() - LEEWAY:
            return None
        parameters = _parameters(principal.user_id, principal.session_id, now)
        rows = await self._database.fetch_within(session, self._query, parameters)
        return self._principal(principal.user_id, principal.session_id, principal.expires_at, rows)

    def _principal(
        self, user_id: UUID, session_id: UUID, expires_at: int | None, rows: Sequence[Any]
    ) -> Principal | None:
        if not rows:
            return None
        return Principal(
            user_id,
            session_id,
            self._permissions(rows),
            rows[0].auth_time,
            denied=PasswordChangeRequired() if rows[0].must_change else None,
            # Read in the same query: else `GET /api/users/me` would need another one.
            known=(Profile(*rows[0][-len(_PROFILE) :]),),
            expires_at=expires_at,
        )

    def _permissions(self, rows: Sequence[Any]) -> frozenset[str]:
        """`rows` has one for each role and permission; a role that stores none has one without a permission."""
        stored = self._declared.names.intersection(row.permission for row in rows)
        return stored.union(*(self._declared.of_built_in(role) for role in {row.role_name for row in rows}))


def _parameters(user_id: UUID, session_id: UUID, now: datetime) -> dict[str, Any]:
    return {"user_id": user_id, "session_id": session_id, "now": now}
