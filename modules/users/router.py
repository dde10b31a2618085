from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from modules.users.dependencies import Users
from modules.users.errors import EmailTaken, LastAdmin, UserNotFound, UserOutOfReach
from modules.users.schemas import UserCreate, UserRead, UserUpdate
from modules.users.services import UserSort
from shared.access import Authenticated, Caller, Requires
from shared.openapi import failures
from shared.paging import Cursor, Limit, Page, PageRequest, WithTotal
from shared.responses import ApiResponse, success
from shared.text import SafeText

MAY_READ = Requires("users:user.read")
MAY_WRITE = Requires("users:user.write")

router = APIRouter()

Search = Annotated[SafeText, Field(max_length=100), Query(description="Beginning of the address or the nickname.")]


@router.get("/me", dependencies=[Authenticated()])
async def get_me(caller: Caller) -> ApiResponse[UserRead]:
    return success(UserRead.model_validate(caller.profile))


@router.patch("/me", dependencies=[Authenticated()])
async def update_me(caller: Caller, data: UserUpdate, users: Users) -> ApiResponse[UserRead]:
    return success(UserRead.model_validate(await users.update(caller.user_id, data)))


@router.get("", dependencies=[MAY_READ])
async def list_users(  # noqa: PLR0913, PLR0917 - each is a query parameter
    users: Users,
    limit: Limit = 20,
    cursor: Cursor = None,
    q: Search | None = None,
    is_active: bool | None = None,
    sort: UserSort = "-created_at",
    total: WithTotal = False,
) -> ApiResponse[Page[UserRead]]:
    page = await users.list(PageRequest(sort, limit, cursor, total), q=q, is_active=is_active)
    return success(Page[UserRead].of(page))


@router.post("", status_code=201, dependencies=[MAY_WRITE], responses=failures(EmailTaken))
async def create_user(data: UserCreate, users: Users) -> ApiResponse[UserRead]:
    """The new user gets a mail with a link to choose a password."""
    return success(UserRead.model_validate(await users.invite(data)))


@router.get("/{user_id}", dependencies=[MAY_READ], responses=failures(UserNotFound))
async def get_user(user_id: UUID, users: Users) -> ApiResponse[UserRead]:
    return success(UserRead.model_validate(await users.get(user_id)))


@router.patch("/{user_id}", dependencies=[MAY_WRITE], responses=failures(UserNotFound, UserOutOfReach))
async def update_user(user_id: UUID, data: UserUpdate, users: Users) -> ApiResponse[UserRead]:
    return success(UserRead.model_validate(await users.update(user_id, data)))


@router.delete("/{user_id}", dependencies=[MAY_WRITE], responses=failures(UserNotFound, UserOutOfReach, LastAdmin))
async def delete_user(user_id: UUID, users: Users) -> ApiResponse[None]:
    """With the sessions, and whatever else belongs to this user. To keep it all, deactivate."""
    await users.delete(user_id)
    return success(None)


@router.post(
    "/{user_id}/deactivate", dependencies=[MAY_WRITE], responses=failures(UserNotFound, UserOutOfReach, LastAdmin)
)
async def deactivate_user(user_id: UUID, users: Users) -> ApiResponse[UserRead]:
    return success(UserRead.model_validate(await users.deactivate(user_id)))


@router.post("/{user_id}/activate", dependencies=[MAY_WRITE], responses=failures(UserNotFound, UserOutOfReach))
async def activate_user(user_id: UUID, users: Users) -> ApiResponse[UserRead]:
    return success(UserRead.model_validate(await users.activate(user_id)))
