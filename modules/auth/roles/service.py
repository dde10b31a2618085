"""Roles: what they hold, who holds them, and who may change that."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import RoleBuiltin, RoleNotFound, RoleTaken
from modules.auth.locks import lock_roles
from modules.auth.models import ADMIN, Role, RolePermission, UserRole
from modules.auth.roles.administrators import grant_role, keep_an_administrator
from modules.auth.roles.authority import Authority, Held
from modules.auth.roles.permissions import DeclaredPermissions
from modules.auth.roles.schemas import RoleCreate, RoleRead, RoleUpdate
from modules.users import UserServiceFactory
from shared.clock import Clock
from shared.context import Principal
from shared.errors import ValidationFailed
from shared.http import MAXIMUM_ERRORS


@dataclass(slots=True, kw_only=True)
class RoleService:
    """The use cases of roles, within the caller's session. All changes lock the roles first."""

    session: AsyncSession
    users: UserServiceFactory
    permissions: DeclaredPermissions
    authority: Authority
    audit: AuditTrail
    clock: Clock

    async def list(self) -> Sequence[RoleRead]:
        """Every role, the built-in ones first."""
        roles = (await self.session.scalars(select(Role))).all()
        held = await self.authority.held_by(self.session, [role.name for role in roles])
        in_order = sorted(roles, key=lambda role: (not role.is_builtin, role.name))
        return [self._read(role, held[role.name]) for role in in_order]

    async def get(self, name: str) -> RoleRead:
        return self._read(*await self._find(name))

    async def create(self, caller: Principal, data: RoleCreate) -> RoleRead:
        held = self._require_declared(data.permissions)
        await lock_roles(self.session)
        if await self.session.get(Role, data.name) is not None:
            raise RoleTaken
        self.authority.require_over_role(caller, data.name, held)
        role = Role(name=data.name, description=data.description, is_builtin=False)
        self.session.add(role)
        return await self._write(role, held, "role_created")

    async def update(self, caller: Principal, name: str, data: RoleUpdate) -> RoleRead:
        """Fields that `data` leaves out stay unchanged."""
        changes = data.model_dump(exclude_unset=True)
        wanted = self._require_declared(changes.get("permissions", ()))
        role, before = await self._find_changeable(caller, name)
        held, description = before, changes.get("description", role.description)
        if "permissions" in changes:
            self.authority.require_over_role(caller, name, wanted)
            held = wanted
        if (held, description) == (before, role.description):
            return self._read(role, held)
        role.description = description
        return await self._write(role, held, "role_changed")

    async def delete(self, caller: Principal, name: str) -> None:
        """Users who hold the role lose it."""
        role, held = await self._find_changeable(caller, name)
        await self.session.delete(role)
        self.audit.record(self.session, "role_deleted", user_id=None, role=name, permissions=sorted(held))

    async def list_of_user(self, user_id: UUID) -> Sequence[str]:
        await self.users(self.session).get(user_id)
        return sorted(await self.session.scalars(select(UserRole.role_name).filter_by(user_id=user_id)))

    async def assign(self, caller: Principal, user_id: UUID, names: Sequence[str]) -> Sequence[str]:
        """Replace all the roles of a user by these.

        Raises:
            LastAdmin: No active administrator would remain.
        """
        await lock_roles(self.session)
        before, after = set(await self.list_of_user(user_id)), set(names)
        _require_known("roles", names, set(await self.session.scalars(select(Role.name))))
        given, taken = after - before, before - after
        for name, held in (await self.authority.held_by(self.session, given | taken)).items():
            self.authority.require_over_role(caller, name, held)
        if ADMIN in taken:
            await keep_an_administrator(self.session, without=user_id)
        await self.session.execute(delete(UserRole).where(UserRole.user_id == user_id, UserRole.role_name.in_(taken)))
        for name in sorted(given):
            await grant_role(self.session, user_id, name, self.clock())
        if given or taken:
            self.audit.record(
                self.session, "roles_assigned", user_id=user_id, before=sorted(before), after=sorted(after)
            )
        return sorted(after)

    async def _find(self, name: str) -> tuple[Role, Held]:
        role = await self.session.get(Role, name)
        if role is None:
            raise RoleNotFound
        return role, (await self.authority.held_by(self.session, [name]))[name]

    async def _find_changeable(self, caller: Principal, name: str) -> tuple[Role, Held]:
        await lock_roles(self.session)
        role, held = await self._find(name)
        if role.is_builtin:
            raise RoleBuiltin
        self.authority.require_over_role(caller, name, held)
        return role, held

    async def _write(self, role: Role, held: Held, event: Literal["role_created", "role_changed"]) -> RoleRead:
        await self.session.execute(delete(RolePermission).where(RolePermission.role_name == role.name))
        self.session.add_all(RolePermission(role_name=role.name, permission=permission) for permission in held)
        await self.session.flush()
        self.audit.record(self.session, event, user_id=None, role=role.name, permissions=sorted(held))
        return self._read(role, held)

    def _read(self, role: Role, held: Held) -> RoleRead:
        return RoleRead(
            name=role.name,
            description=role.description,
            is_builtin=role.is_builtin,
            permissions=sorted(held & self.permissions.names),
        )

    def _require_declared(self, names: Sequence[str]) -> Held:
        _require_known("permissions", names, self.permissions.names)
        return frozenset(names)


def _require_known(field: str, names: Sequence[str], known: Collection[str]) -> None:
    unknown = [index for index, name in enumerate(names) if name not in known]
    if unknown:
        raise ValidationFailed(
            [
                {"loc": ["body", field, index], "type": "unknown", "msg": "Unknown role."}
                for index in unknown[:MAXIMUM_ERRORS]
            ]
        )
