from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from modules.users.dependencies import Users, profile_of
from modules.users.errors import EmailTaken, LastAdmin, OwnEmail, UserNotFound, UserOutOfReach
from modules.users.schemas import UserCorrection, UserCreate, UserDetail, UserRead, UserUpdate
from modules.users.services import UserSort
from shared.access import Authenticated, Caller, Requires
from shared.http import ApiResponse, Created, SafeText, failures, success
from shared.paging import Cursor, Limit, Page, PageRequest, WithTotal

MAY_READ = Requires("users:user.read")
MAY_WRITE = Requires("users:user.write")

router = APIRouter()

UserId = Annotated[UUID, Path(description="The user's id.")]

Search = Annotated[
    SafeText,
    Field(max_length=100, examples=["ada"]),
    Query(description="Prefix of the e-mail address or of the nickname, in upper or lower case."),
]
Active = Annotated[bool, Query(description="Only users who may log in, or only those who may not.")]
Invited = Annotated[bool, Query(description="Only users who have not accepted their invitation, or only the others.")]
Sort = Annotated[UserSort, Query(description="The sort order; `-` in front is descending.")]


@router.get("/me", summary="Read your own profile", dependencies=[Authenticated()])
async def get_me(request: Request, caller: Caller) -> ApiResponse[UserRead]:
    """The account that the access token belongs to."""
    return success(UserRead.model_validate(await profile_of(request, caller)))


@router.patch("/me", summary="Change your own profile", dependencies=[Authenticated()])
async def update_me(caller: Caller, data: UserUpdate, users: Users) -> ApiResponse[UserRead]:
    """Fields that are left out stay unchanged."""
    return success(UserRead.model_validate(await users.update(caller.user_id, data)))


@router.get("", summary="List users", dependencies=[MAY_READ])
async def list_users(
    users: Users,
    limit: Limit = 20,
    cursor: Cursor = None,
    q: Search | None = None,
    is_active: Active | None = None,
    is_invited: Invited | None = None,
    sort: Sort = "-created_at",
    total: WithTotal = False,
) -> ApiResponse[Page[UserDetail]]:
    """Page by page; follow `next_cursor` until it is null."""
    page = await users.list(PageRequest(sort, limit, cursor, total), q=q, is_active=is_active, is_invited=is_invited)
    return success(Page[UserDetail].of(page))


@router.post("", summary="Invite a user", status_code=201, dependencies=[MAY_WRITE], responses=failures(EmailTaken))
async def create_user(data: UserCreate, users: Users, created: Created) -> ApiResponse[UserDetail]:
    """The new user gets a mail with a link to choose a password."""
    user = await users.invite(data)
    created("get_user", user_id=user.id)
    return success(UserDetail.model_validate(user))


@router.get("/{user_id}", summary="Read a user", dependencies=[MAY_READ], responses=failures(UserNotFound))
async def get_user(user_id: UserId, users: Users) -> ApiResponse[UserDetail]:
    """Any user, including one who may not log in."""
    return success(UserDetail.model_validate(await users.get(user_id)))


@router.patch(
    "/{user_id}",
    summary="Change a user's profile",
    dependencies=[MAY_WRITE],
    responses=failures(UserNotFound, UserOutOfReach, EmailTaken, OwnEmail),
)
async def update_user(user_id: UserId, data: UserCorrection, users: Users) -> ApiResponse[UserDetail]:
    """Fields that are left out stay unchanged.

    With another `email` the user's sessions and links end, and the address has to be confirmed. A user who is only
    invited gets a new invitation there; any other user gets a notice at the old address.
    """
    return success(UserDetail.model_validate(await users.update(user_id, data)))


@router.delete(
    "/{user_id}",
    summary="Delete a user",
    dependencies=[MAY_WRITE],
    responses=failures(UserNotFound, UserOutOfReach, LastAdmin),
)
async def delete_user(user_id: UserId, users: Users) -> ApiResponse[None]:
    """Also deletes the sessions, and everything else that belongs to this user. Deactivate to keep it."""
    await users.delete(user_id)
    return success(None)


@router.post(
    "/{user_id}/deactivate",
    summary="Shut a user out",
    dependencies=[MAY_WRITE],
    responses=failures(UserNotFound, UserOutOfReach, LastAdmin),
)
async def deactivate_user(user_id: UserId, users: Users) -> ApiResponse[UserDetail]:
    """Ends all sessions at once. The user cannot log in until somebody activates the account."""
    return success(UserDetail.model_validate(await users.deactivate(user_id)))


@router.post(
    "/{user_id}/activate",
    summary="Let a user in again",
    dependencies=[MAY_WRITE],
    responses=failures(UserNotFound, UserOutOfReach),
)
async def activate_user(user_id: UserId, users: Users) -> ApiResponse[UserDetail]:
    """Undoes a deactivation; the old sessions stay ended."""
    return success(UserDetail.model_validate(await users.activate(user_id)))
