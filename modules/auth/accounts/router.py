from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path

from modules.auth.accounts.schemas import RegisterRequest
from modules.auth.dependencies import Invitations, Registration
from modules.auth.errors import NotInvited, RegistrationClosed
from modules.users import EmailTaken, UserNotFound, UserOutOfReach, UserRead
from shared.access import Public, Requires
from shared.errors import TooManyRequests
from shared.http import ApiResponse, Created, failures, success
from shared.locales import preferred_locale

router = APIRouter()

AcceptLanguage = Annotated[str | None, Header(description="The language of mails to the user if `locale` is left out.")]


@router.post(
    "/register",
    summary="Make an account",
    status_code=201,
    dependencies=[Public("an account is what its owner does not have yet; AUTH_REGISTRATION=closed closes it")],
    responses=failures(EmailTaken, RegistrationClosed, TooManyRequests),
)
async def register_user(
    data: RegisterRequest, registration: Registration, created: Created, accept_language: AcceptLanguage = None
) -> ApiResponse[UserRead]:
    """The new user gets a mail with a link to confirm the address."""
    locale = data.locale or preferred_locale(accept_language)
    created("get_me")
    return success(UserRead.model_validate(await registration.register(data, locale)))


@router.post(
    "/users/{user_id}/invitation",
    summary="Invite a user again",
    status_code=202,
    dependencies=[Requires("users:user.write")],
    responses=failures(UserNotFound, UserOutOfReach, NotInvited, TooManyRequests),
)
async def invite_user_again(
    user_id: Annotated[UUID, Path(description="The user's id.")], invitations: Invitations
) -> ApiResponse[None]:
    """Mails another link to choose a first password; the earlier ones are void."""
    await invitations.invite_again(user_id)
    return success(None)
