from fastapi import APIRouter

from modules.auth.dependencies import CallerAccess
from modules.auth.errors import PasswordChangeRequired
from modules.auth.schemas import CallerRead
from shared.access import Authenticated, Caller
from shared.http import ApiResponse, success

router = APIRouter()


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
