"""Checks that nobody gives, changes or takes away permissions that they do not hold."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.errors import CannotGrant
from modules.auth.locks import lock_roles
from modules.auth.models import RolePermission, UserRole
from modules.auth.roles.permissions import DeclaredPermissions
from modules.users import UserOutOfReach
from shared.context import Principal, current_request

log = structlog.get_logger(__name__)

Held = frozenset[str]


@dataclass(slots=True, kw_only=True)
class Authority:
    """Compares the caller's permissions with those of a role, or of all roles of a user."""

    permissions: DeclaredPermissions

    def require_over_role(self, caller: Principal, role: str, held: Held) -> None:
        """Raises CannotGrant if the role holds more than the caller."""
        if not self._reaches(caller, held):
            log.warning(
                "cannot_grant", user_id=str(caller.user_id), role=role, lacking=sorted(held - caller.permissions)
            )
            raise CannotGrant

    async def require_over_user(self, session: AsyncSession, user_id: UUID) -> None:
        """Require that the caller of this request may act on this user's account; locks the roles.

        Callers who may not take a role away may not remove its holder either. Everybody may act on their own account,
        and commands, which have no caller, on any.

        Raises:
            UserOutOfReach: The user's roles hold more than the caller.
        """
        caller = current_request.get().principal
        if caller is None or caller.user_id == user_id:
            return
        await lock_roles(session)
        roles = (await session.scalars(select(UserRole.role_name).where(UserRole.user_id == user_id))).all()
        held = Held().union(*(await self.held_by(session, roles)).values())
        if not self._reaches(caller, held):
            log.warning(
                "user_out_of_reach",
                user_id=str(caller.user_id),
                target=str(user_id),
                lacking=sorted(held - caller.permissions),
            )
            raise UserOutOfReach

    async def held_by(self, session: AsyncSession, roles: Collection[str]) -> dict[str, Held]:
        """The permissions of each of these roles, including those that no active module declares."""
        query = select(RolePermission.role_name, RolePermission.permission).where(RolePermission.role_name.in_(roles))
        stored = (await session.execute(query)).all()
        return {
            name: self.permissions.of_built_in(name).union(row.permission for row in stored if row.role_name == name)
            for name in roles
        }

    def _reaches(self, caller: Principal, held: Held) -> bool:
        """True if the caller holds all of these, or every permission there is.

        A permission whose module is switched off counts here, since it comes back with its module.
        """
        return caller.permissions >= held or caller.permissions >= self.permissions.names
