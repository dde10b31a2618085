"""The audit trail: one row for each event, written in the transaction in which it happens."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import AuditEvent
from shared.clock import Clock
from shared.context import current_request
from shared.database import after_commit

log = structlog.get_logger("audit")

AuditName = Literal[
    "account_registered",
    "account_invited",
    "account_changed",
    "account_deactivated",
    "account_activated",
    "account_deleted",
    "administrator_created",
    "login_succeeded",
    "login_failed",
    "login_locked_out",
    "logged_out",
    "session_ended",
    "sessions_revoked",
    "refresh_token_reused",
    "password_check_failed",
    "password_changed",
    "password_reset_requested",
    "password_reset",
    "email_verified",
    "address_disowned",
    "email_change_requested",
    "email_changed",
    "roles_assigned",
    "role_created",
    "role_changed",
    "role_deleted",
]


@dataclass(slots=True, kw_only=True)
class AuditTrail:
    """Takes the actor, the client's address and the request's id from the current request."""

    clock: Clock

    def record(
        self,
        session: AsyncSession,
        event: AuditName,
        *,
        user_id: UUID | None,
        session_id: UUID | None = None,
        **details: Any,
    ) -> None:
        """Write one row, and one line into the log.

        Args:
            user_id: The user whom it concerns; the actor is the caller of the request.
            session_id: The login session that it concerns, if not the caller's own.
            details: Further details, of JSON's types. Never a secret, and no text that a stranger chose.
        """
        request = current_request.get()
        caller = request.principal
        actor_id = caller.user_id if caller else None
        session_id = session_id or (caller.session_id if caller else None)
        session.add(
            AuditEvent(
                at=self.clock(),
                event=event,
                user_id=user_id,
                actor_id=actor_id,
                session_id=session_id,
                ip=request.client_address,
                request_id=request.id,
                details=details,
            )
        )
        ids = {"user_id": str(user_id), "actor_id": str(actor_id), "session_id": str(session_id)}
        # Only after the commit: what is rolled back has not happened.
        after_commit(session, partial(log.info, event, **ids, **details))
