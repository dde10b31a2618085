from typing import Annotated

from fastapi import APIRouter, Header

from modules.auth.dependencies import Login, Registration, Sessions
from modules.auth.errors import InvalidCredentials, InvalidRefreshToken, RegistrationClosed
from modules.auth.schemas import LoginRequest, LogoutRequest, RefreshRequest, RegisterRequest, TokenPair
from modules.users import EmailTaken, UserRead, preferred_locale
from shared.access import Authenticated, Caller, Public
from shared.errors import TooManyRequests
from shared.openapi import failures
from shared.responses import ApiResponse, success

router = APIRouter()


@router.post(
    "/register",
    status_code=201,
    dependencies=[Public("an account is what its owner does not have yet; AUTH_REGISTRATION=closed closes it")],
    responses=failures(EmailTaken, RegistrationClosed, TooManyRequests),
)
async def register_user(
    data: RegisterRequest, registration: Registration, accept_language: Annotated[str | None, Header()] = None
) -> ApiResponse[UserRead]:
    """The new user gets a mail with a link to confirm the address."""
    locale = data.locale or preferred_locale(accept_language)
    return success(UserRead.model_validate(await registration.register(data, locale)))


@router.post(
    "/login",
    dependencies=[Public("the password is the credential")],
    responses=failures(InvalidCredentials, TooManyRequests),
)
async def login_user(data: LoginRequest, login: Login) -> ApiResponse[TokenPair]:
    return success(await login.login(data))


@router.post(
    "/refresh",
    dependencies=[Public("the refresh token is the credential")],
    responses=failures(InvalidRefreshToken, TooManyRequests),
)
async def refresh_session(data: RefreshRequest, sessions: Sessions) -> ApiResponse[TokenPair]:
    return success(await sessions.refresh(data.refresh_token))


@router.post("/logout", dependencies=[Authenticated()])
async def logout_user(caller: Caller, sessions: Sessions, data: LogoutRequest | None = None) -> ApiResponse[None]:
    await sessions.end(caller, data.scope if data else "this")
    return success(None)
