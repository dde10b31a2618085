from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import AuditEvent
from shared.paging import PageOf, PageRequest, Paginator

AuditSort = Literal["at", "-at"]


class AuditReader:
    def __init__(self, session: AsyncSession, paginator: Paginator) -> None:
        self._session = session
        self._paginator = paginator

    async def list(
        self, request: PageRequest, *, user_id: UUID | None = None, event: str | None = None
    ) -> PageOf[AuditEvent]:
        query = select(AuditEvent)
        if user_id is not None:
            query = query.where(AuditEvent.user_id == user_id)
        if event is not None:
            query = query.where(AuditEvent.event == event)
        return await self._paginator.page(
            self._session, query, request, columns={"at": AuditEvent.at}, key=AuditEvent.id
        )
