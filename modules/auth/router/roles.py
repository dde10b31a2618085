from uuid import UUID

from fastapi import APIRouter

from modules.auth.dependencies import Permissions, Revocation, Roles
from modules.auth.errors import CannotGrant, RoleBuiltin, RoleNotFound, RoleTaken
from modules.auth.schemas import PermissionRead, RoleCreate, RoleName, RoleRead, RoleUpdate, UserRoles, UserRolesRead
from modules.users import LastAdmin, UserNotFound, UserOutOfReach
from shared.access import Caller, Requires
from shared.openapi import failures
from shared.responses import ApiResponse, success

MAY_READ = Requires("auth:role.read")
MAY_WRITE = Requires("auth:role.write")
MAY_ASSIGN = Requires("auth:role.assign")
MAY_REVOKE = Requires("auth:session.revoke")

router = APIRouter()


@router.get("/permissions", dependencies=[MAY_READ])
async def list_permissions(permissions: Permissions) -> ApiResponse[list[PermissionRead]]:
    """All there is to be allowed: what a role may hold."""
    return success([PermissionRead.model_validate(permission) for permission in permissions.all])


@router.get("/roles", dependencies=[MAY_READ])
async def list_roles(roles: Roles) -> ApiResponse[list[RoleRead]]:
    return success(list(await roles.list()))


@router.post("/roles", status_code=201, dependencies=[MAY_WRITE], responses=failures(RoleTaken, CannotGrant))
async def create_role(data: RoleCreate, caller: Caller, roles: Roles) -> ApiResponse[RoleRead]:
    return success(await roles.create(caller, data))


@router.get("/roles/{name}", dependencies=[MAY_READ], responses=failures(RoleNotFound))
async def get_role(name: RoleName, roles: Roles) -> ApiResponse[RoleRead]:
    return success(await roles.get(name))


@router.patch("/roles/{name}", dependencies=[MAY_WRITE], responses=failures(RoleNotFound, RoleBuiltin, CannotGrant))
async def update_role(name: RoleName, data: RoleUpdate, caller: Caller, roles: Roles) -> ApiResponse[RoleRead]:
    return success(await roles.update(caller, name, data))


@router.delete("/roles/{name}", dependencies=[MAY_WRITE], responses=failures(RoleNotFound, RoleBuiltin, CannotGrant))
async def delete_role(name: RoleName, caller: Caller, roles: Roles) -> ApiResponse[None]:
    """Those who hold the role lose it."""
    await roles.delete(caller, name)
    return success(None)


@router.get("/users/{user_id}/roles", dependencies=[MAY_READ], responses=failures(UserNotFound))
async def get_user_roles(user_id: UUID, roles: Roles) -> ApiResponse[UserRolesRead]:
    return success(UserRolesRead(roles=list(await roles.list_of_user(user_id))))


@router.put(
    "/users/{user_id}/roles", dependencies=[MAY_ASSIGN], responses=failures(UserNotFound, CannotGrant, LastAdmin)
)
async def set_user_roles(user_id: UUID, data: UserRoles, caller: Caller, roles: Roles) -> ApiResponse[UserRolesRead]:
    """These roles and no others, `user` included."""
    return success(UserRolesRead(roles=list(await roles.assign(caller, user_id, data.roles))))


@router.delete("/users/{user_id}/sessions", dependencies=[MAY_REVOKE], responses=failures(UserNotFound, UserOutOfReach))
async def revoke_user_sessions(user_id: UUID, revocation: Revocation) -> ApiResponse[None]:
    """Log a user out everywhere."""
    await revocation.revoke(user_id)
    return success(None)
