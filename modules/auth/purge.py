"""Deletes rows that are no longer needed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select

from modules.auth.models import AuditEvent, LoginSession, MailToken
from modules.auth.settings import Settings
from shared.clock import Clock
from shared.database import Database

# Small, so that nobody waits long for the locks of one batch.
BATCH = 1000


@dataclass(slots=True, kw_only=True)
class PurgeService:
    database: Database
    settings: Settings
    clock: Clock

    async def count(self) -> dict[str, int]:
        """The number of rows that a purge would delete, by kind."""
        async with self.database.read() as session:
            return {
                name: await session.scalar(select(func.count()).select_from(model).where(condition)) or 0
                for name, model, condition in self._expired()
            }

    async def purge(self, progress: Callable[[str, int], None]) -> dict[str, int]:
        """Delete in batches; `progress` is called with the kind and the number so far."""
        totals: dict[str, int] = {}
        for name, model, condition in self._expired():
            totals[name] = 0
            while deleted := await self._delete_batch(model, select(model.id).where(condition).limit(BATCH)):
                totals[name] += deleted
                progress(name, totals[name])
        return totals

    async def _delete_batch(self, model: Any, ids: Select[Any]) -> int:
        async with self.database.transaction() as session:
            found = (await session.scalars(ids)).all()
            if found:
                await session.execute(delete(model).where(model.id.in_(found)))
            return len(found)

    def _expired(self) -> list[tuple[str, Any, ColumnElement[bool]]]:
        now = self.clock()
        kept = now - timedelta(days=self.settings.session_retention_days)
        over = or_(
            LoginSession.absolute_expires_at < kept, LoginSession.idle_expires_at < kept, LoginSession.revoked_at < kept
        )
        return [
            ("sessions", LoginSession, over),
            ("links", MailToken, MailToken.expires_at < now),
            ("audit events", AuditEvent, AuditEvent.at < now - timedelta(days=self.settings.audit_retention_days)),
        ]
