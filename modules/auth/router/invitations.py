from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from modules.auth.dependencies import Invitations
from modules.auth.errors import NotInvited
from modules.users import UserNotFound, UserOutOfReach
from shared.access import Requires
from shared.errors import TooManyRequests
from shared.http import ApiResponse, failures, success

router = APIRouter()


@router.post(
    "/users/{user_id}/invitation",
    summary="Invite a user again",
    status_code=202,
    dependencies=[Requires("users:user.write")],
    responses=failures(UserNotFound, UserOutOfReach, NotInvited, TooManyRequests),
)
async def invite_user_again(
    user_id: Annotated[UUID, Path(description="Whom it is about.")], invitations: Invitations
) -> ApiResponse[None]:
    """Mails another link to choose a first password; the earlier ones are void."""
    await invitations.invite_again(user_id)
    return success(None)
