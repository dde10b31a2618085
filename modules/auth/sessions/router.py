from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from modules.auth.dependencies import Login, Revocation, Sessions
from modules.auth.errors import InvalidCredentials, InvalidRefreshToken, SessionNotFound
from modules.auth.sessions.schemas import LoginRequest, LogoutRequest, RefreshRequest, SessionRead, TokenPair
from modules.users import UserNotFound, UserOutOfReach
from shared.access import Authenticated, AuthenticatedOr, Caller, CallerIfAny, Public, Requires
from shared.errors import NotAuthenticated, TooManyRequests
from shared.http import ApiResponse, failures, success

router = APIRouter()

SessionId = Annotated[UUID, Path(description="The session's id, from the list.")]
UserId = Annotated[UUID, Path(description="The user's id.")]


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
    """Ends this session, or others of yours; their tokens are invalid from now on.

    A `refresh_token` is enough, used or not, when the access token has expired.
    """
    if data is not None and data.refresh_token is not None:
        await sessions.end_by_refresh_token(data.refresh_token)
    elif caller is not None:
        await sessions.end(caller, data.scope if data else "this")
    else:
        raise NotAuthenticated(token_was_sent="authorization" in request.headers)
    return success(None)


@router.get("/sessions", summary="List your sessions", dependencies=[Authenticated()])
async def list_sessions(caller: Caller, sessions: Sessions) -> ApiResponse[list[SessionRead]]:
    """The sessions in which you are logged in."""
    return success(
        [
            SessionRead(
                id=one.id,
                created_at=one.created_at,
                last_seen_at=one.last_refreshed_at,
                ip=one.ip,
                user_agent=one.user_agent,
                current=one.id == caller.session_id,
            )
            for one in await sessions.list(caller)
        ]
    )


@router.delete(
    "/sessions/{session_id}",
    summary="End one of your sessions",
    dependencies=[Authenticated()],
    responses=failures(SessionNotFound),
)
async def end_session(session_id: SessionId, caller: Caller, sessions: Sessions) -> ApiResponse[None]:
    """Logs one of your devices out."""
    await sessions.end_one(caller, session_id)
    return success(None)


@router.delete(
    "/users/{user_id}/sessions",
    summary="Log a user out everywhere",
    dependencies=[Requires("auth:session.revoke")],
    responses=failures(UserNotFound, UserOutOfReach),
)
async def revoke_user_sessions(user_id: UserId, revocation: Revocation) -> ApiResponse[None]:
    """Ends all sessions of this user, at once."""
    await revocation.revoke(user_id)
    return success(None)
