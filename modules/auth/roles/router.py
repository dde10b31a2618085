from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from modules.auth.dependencies import CallerAccess, Permissions, Roles
from modules.auth.errors import CannotGrant, PasswordChangeRequired, RoleBuiltin, RoleNotFound, RoleTaken
from modules.auth.roles.schemas import (
    CallerRead,
    PermissionRead,
    RoleCreate,
    RoleName,
    RoleRead,
    RoleUpdate,
    UserRoles,
    UserRolesRead,
)
from modules.users import LastAdmin, UserNotFound
from shared.access import Authenticated, Caller, Requires
from shared.http import ApiResponse, Created, failures, success

MAY_READ = Requires("auth:role.read")
MAY_WRITE = Requires("auth:role.write")
MAY_ASSIGN = Requires("auth:role.assign")

router = APIRouter()

UserId = Annotated[UUID, Path(description="The user's id.")]


@router.get("/me", summary="Read what you may do", dependencies=[Authenticated()])
async def get_my_access(caller: Caller, access: CallerAccess) -> ApiResponse[CallerRead]:
    """Your roles and permissions, for a front end that shows what you can use. `GET /api/users/me` has your profile."""
    roles, locale = await access.roles_and_locale(caller)
    return success(
        CallerRead(
            user_id=caller.user_id,
            session_id=caller.session_id,
            roles=list(roles),
            permissions=sorted(caller.permissions) if caller.denied is None else [],
            must_change_password=isinstance(caller.denied, PasswordChangeRequired),
            locale=locale,
            authenticated_at=caller.authenticated_at,
        )
    )


@router.get("/permissions", summary="List permissions", dependencies=[MAY_READ])
async def list_permissions(permissions: Permissions) -> ApiResponse[list[PermissionRead]]:
    """All permissions that a role may hold."""
    return success([PermissionRead.model_validate(permission) for permission in permissions.all])


@router.get("/roles", summary="List roles", dependencies=[MAY_READ])
async def list_roles(roles: Roles) -> ApiResponse[list[RoleRead]]:
    """All roles, including the built-in ones."""
    return success(list(await roles.list()))


@router.post(
    "/roles",
    summary="Make a role",
    status_code=201,
    dependencies=[MAY_WRITE],
    responses=failures(RoleTaken, CannotGrant),
)
async def create_role(data: RoleCreate, caller: Caller, roles: Roles, created: Created) -> ApiResponse[RoleRead]:
    """It can hold only permissions that you hold yourself."""
    role = await roles.create(caller, data)
    created("get_role", name=role.name)
    return success(role)


@router.get("/roles/{name}", summary="Read a role", dependencies=[MAY_READ], responses=failures(RoleNotFound))
async def get_role(name: RoleName, roles: Roles) -> ApiResponse[RoleRead]:
    """A role with its permissions."""
    return success(await roles.get(name))


@router.patch(
    "/roles/{name}",
    summary="Change a role",
    dependencies=[MAY_WRITE],
    responses=failures(RoleNotFound, RoleBuiltin, CannotGrant),
)
async def update_role(name: RoleName, data: RoleUpdate, caller: Caller, roles: Roles) -> ApiResponse[RoleRead]:
    """Fields that are left out stay unchanged; `permissions` replaces all permissions of the role."""
    return success(await roles.update(caller, name, data))


@router.delete(
    "/roles/{name}",
    summary="Delete a role",
    dependencies=[MAY_WRITE],
    responses=failures(RoleNotFound, RoleBuiltin, CannotGrant),
)
async def delete_role(name: RoleName, caller: Caller, roles: Roles) -> ApiResponse[None]:
    """Users who hold the role lose it."""
    await roles.delete(caller, name)
    return success(None)


@router.get(
    "/users/{user_id}/roles",
    summary="Read a user's roles",
    dependencies=[MAY_READ],
    responses=failures(UserNotFound),
)
async def get_user_roles(user_id: UserId, roles: Roles) -> ApiResponse[UserRolesRead]:
    """The names of the user's roles."""
    return success(UserRolesRead(roles=list(await roles.list_of_user(user_id))))


@router.put(
    "/users/{user_id}/roles",
    summary="Give and take a user's roles",
    dependencies=[MAY_ASSIGN],
    responses=failures(UserNotFound, CannotGrant, LastAdmin),
)
async def set_user_roles(user_id: UserId, data: UserRoles, caller: Caller, roles: Roles) -> ApiResponse[UserRolesRead]:
    """Replaces all roles of the user, including `user`."""
    return success(UserRolesRead(roles=list(await roles.assign(caller, user_id, data.roles))))
