from typing import Annotated

from fastapi import APIRouter, Header, Request

from modules.auth.dependencies import Login, Registration, Sessions
from modules.auth.errors import InvalidCredentials, InvalidRefreshToken, RegistrationClosed
from modules.auth.schemas import LoginRequest, LogoutRequest, RefreshRequest, RegisterRequest, TokenPair
from modules.users import EmailTaken, UserRead
from shared.access import AuthenticatedOr, CallerIfAny, Public
from shared.errors import NotAuthenticated, TooManyRequests
from shared.http import ApiResponse, Created, failures, success
from shared.locales import preferred_locale

router = APIRouter()

AcceptLanguage = Annotated[
    str | None, Header(description="Decides about the language of mails if `locale` is left out.")
]


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
    "/login",
    summary="Log in",
    dependencies=[Public("the password is the credential")],
    responses=failures(InvalidCredentials, TooManyRequests),
)
async def login_user(data: LoginRequest, login: Login) -> ApiResponse[TokenPair]:
    """Begins a session. Send the `access_token` with every request, and the `refresh_token` when it has expired."""
    return success(await login.login(data))


@router.post(
    "/refresh",
    summary="Trade a refresh token for new tokens",
    dependencies=[Public("the refresh token is the credential")],
    responses=failures(InvalidRefreshToken, TooManyRequests),
)
async def refresh_session(data: RefreshRequest, sessions: Sessions) -> ApiResponse[TokenPair]:
    """Each refresh token works once: keep the new one. Using an old one again ends the session."""
    return success(await sessions.refresh(data.refresh_token))


@router.post(
    "/logout",
    summary="Log out",
    dependencies=[AuthenticatedOr("the refresh token in the body")],
    responses=failures(InvalidRefreshToken, TooManyRequests),
)
async def logout_user(
    request: Request, caller: CallerIfAny, sessions: Sessions, data: LogoutRequest | None = None
) -> ApiResponse[None]:
    """Ends this session, or others of yours; their tokens are worth nothing from now on.

    A `refresh_token` is enough, used or not, when the access token has expired.
    """
    if data is not None and data.refresh_token is not None:
        await sessions.end_by_refresh_token(data.refresh_token)
    elif caller is not None:
        await sessions.end(caller, data.scope if data else "this")
    else:
        raise NotAuthenticated(token_was_sent="authorization" in request.headers)
    return success(None)
