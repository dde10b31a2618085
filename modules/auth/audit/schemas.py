"""What is read of the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from modules.auth.examples import EXAMPLE_ID, EXAMPLE_TIME
from shared.http import ResponseData


class AuditEventRead(ResponseData):
    """Something that happened. It outlives the accounts that it names."""

    id: UUID = Field(description="Names the event.", examples=[EXAMPLE_ID])
    at: datetime = Field(description="When it happened.", examples=[EXAMPLE_TIME])
    event: str = Field(description="What happened.", examples=["login_succeeded"])
    user_id: UUID | None = Field(description="Whom it is about.", examples=[EXAMPLE_ID])
    actor_id: UUID | None = Field(description="Who did it.", examples=[EXAMPLE_ID])
    session_id: UUID | None = Field(description="In which session.", examples=[EXAMPLE_ID])
    ip: str | None = Field(description="From where.", examples=["192.0.2.1"])
    request_id: str = Field(description="Of the request, as in the log.", examples=[EXAMPLE_ID])
    details: dict[str, Any] = Field(description="More, depending on the event.", examples=[{"role": "editor"}])
