"""The body for the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from modules.auth.examples import EXAMPLE_ID, EXAMPLE_TIME
from shared.http import ResponseData


class AuditEventRead(ResponseData):
    """An event of the audit trail. It is kept when the accounts that it names are deleted."""

    id: UUID = Field(description="The event's id.", examples=[EXAMPLE_ID])
    at: datetime = Field(description="When it happened.", examples=[EXAMPLE_TIME])
    event: str = Field(description="The name of the event.", examples=["login_succeeded"])
    user_id: UUID | None = Field(description="The user whom it concerns.", examples=[EXAMPLE_ID])
    actor_id: UUID | None = Field(description="The user who did it.", examples=[EXAMPLE_ID])
    session_id: UUID | None = Field(description="The session in which it happened.", examples=[EXAMPLE_ID])
    ip: str | None = Field(description="The client's address.", examples=["192.0.2.1"])
    request_id: str = Field(description="The id of the request, as in the log.", examples=[EXAMPLE_ID])
    details: dict[str, Any] = Field(description="Details, depending on the event.", examples=[{"role": "editor"}])
