from fastapi import APIRouter

from modules.auth.dependencies import CallingDevice, Login, Registration, Sessions
from modules.auth.errors import InvalidCredentials, InvalidRefreshToken, RegistrationClosed
from modules.auth.schemas import LoginRequest, LogoutRequest, RefreshRequest, RegisterRequest, TokenPair
from modules.users import EmailTaken, UserRead
from shared.access import Authenticated, Caller, Public
from shared.openapi import failures
from shared.responses import ApiResponse, success

router = APIRouter()


@router.post(
    "/register",
    status_code=201,
    dependencies=[Public("an account is what its owner does not have yet; AUTH_REGISTRATION=closed closes it")],
    responses=failures(EmailTaken, RegistrationClosed),
)
async def register_user(data: RegisterRequest, registration: Registration) -> ApiResponse[UserRead]:
    return success(UserRead.model_validate(await registration.register(data)))


@router.post("/login", dependencies=[Public("the password is the credential")], responses=failures(InvalidCredentials))
async def login_user(data: LoginRequest, login: Login, device: CallingDevice) -> ApiResponse[TokenPair]:
    return success(await login.login(data, device))


@router.post(
    "/refresh", dependencies=[Public("the refresh token is the credential")], responses=failures(InvalidRefreshToken)
)
async def refresh_session(data: RefreshRequest, sessions: Sessions) -> ApiResponse[TokenPair]:
    return success(await sessions.refresh(data.refresh_token))


@router.post("/logout", dependencies=[Authenticated()])
async def logout_user(caller: Caller, sessions: Sessions, data: LogoutRequest | None = None) -> ApiResponse[None]:
    await sessions.end(caller, data.scope if data else "this")
    return success(None)
