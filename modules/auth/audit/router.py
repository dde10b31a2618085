from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from modules.auth.audit.reader import AuditSort
from modules.auth.audit.schemas import AuditEventRead
from modules.auth.audit.trail import AuditName
from modules.auth.dependencies import Audit
from shared.access import Requires
from shared.http import ApiResponse, success
from shared.paging import Cursor, Limit, Page, PageRequest, WithTotal

router = APIRouter()

About = Annotated[UUID, Query(description="Only events about this user.")]
Event = Annotated[AuditName, Query(description="Only events of this name.")]
Sort = Annotated[AuditSort, Query(description="The sort order; `-` in front is descending.")]


@router.get("/audit", summary="List what happened", dependencies=[Requires("auth:audit.read")])
async def list_audit_events(
    audit: Audit,
    limit: Limit = 20,
    cursor: Cursor = None,
    user_id: About | None = None,
    event: Event | None = None,
    sort: Sort = "-at",
    total: WithTotal = False,
) -> ApiResponse[Page[AuditEventRead]]:
    """The events of accounts and roles, with the actor and the client's address."""
    page = await audit.list(PageRequest(sort, limit, cursor, total), user_id=user_id, event=event)
    return success(Page[AuditEventRead].of(page))
