from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import AuditEvent
from shared.paging import PageOf, PageRequest, Paginator

AuditSort = Literal["at", "-at"]


@dataclass(slots=True, kw_only=True)
class AuditReader:
    session: AsyncSession
    paginator: Paginator

    async def list(
        self, request: PageRequest, *, user_id: UUID | None = None, event: str | None = None
    ) -> PageOf[AuditEvent]:
        query = select(AuditEvent)
        if user_id is not None:
            query = query.where(AuditEvent.user_id == user_id)
        if event is not None:
            query = query.where(AuditEvent.event == event)
        return await self.paginator.page(self.session, query, request, columns={"at": AuditEvent.at}, key=AuditEvent.id)
