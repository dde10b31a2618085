from uuid import UUID

from fastapi import APIRouter

from modules.auth.dependencies import Audit
from modules.auth.schemas import AuditEventRead
from modules.auth.services.audit import AuditName, AuditSort
from shared.access import Requires
from shared.paging import Cursor, Limit, Page, PageRequest, WithTotal
from shared.responses import ApiResponse, success

router = APIRouter()


@router.get("/audit", dependencies=[Requires("auth:audit.read")])
async def list_audit_events(  # noqa: PLR0913, PLR0917 - each is a query parameter
    audit: Audit,
    limit: Limit = 20,
    cursor: Cursor = None,
    user_id: UUID | None = None,
    event: AuditName | None = None,
    sort: AuditSort = "-at",
    total: WithTotal = False,
) -> ApiResponse[Page[AuditEventRead]]:
    """What happened to accounts and roles, by whom and from where."""
    page = await audit.list(PageRequest(sort, limit, cursor, total), user_id=user_id, event=event)
    return success(Page[AuditEventRead].of(page))
