from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from modules.auth.dependencies import Sessions
from modules.auth.errors import SessionNotFound
from modules.auth.schemas import SessionRead
from shared.access import Authenticated, Caller
from shared.http import ApiResponse, failures, success

router = APIRouter(prefix="/sessions", dependencies=[Authenticated()])

SessionId = Annotated[UUID, Path(description="Which; see the list.")]


@router.get("", summary="List your sessions")
async def list_sessions(caller: Caller, sessions: Sessions) -> ApiResponse[list[SessionRead]]:
    """Where you are logged in."""
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


@router.delete("/{session_id}", summary="End one of your sessions", responses=failures(SessionNotFound))
async def end_session(session_id: SessionId, caller: Caller, sessions: Sessions) -> ApiResponse[None]:
    """Logs one of your devices out."""
    await sessions.end_one(caller, session_id)
    return success(None)
