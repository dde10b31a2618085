"""What a page of the audit trail costs: no filter, and no page that lies deep, makes the database look at all rows."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import insert, text

from modules.auth.container import Container as AuthContainer
from modules.auth.models import AuditEvent
from shared.container import Runtime
from shared.paging import PageRequest
from tests.reads import Reads

ROWS = 6_000
CHUNK = 1_000
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
BUSY = UUID(int=1)
TIDYING = {"postgresql": "VACUUM ANALYZE auth_audit_events", "mysql": "ANALYZE TABLE auth_audit_events"}


def event_row(number: int) -> dict[str, object]:
    """Half of all are of one user; one event is seldom, and that user's last one is long ago."""
    user_id = BUSY if number % 2 else UUID(int=number)
    return {
        "id": UUID(int=(7 << 76) + number * 6_700_417 % ROWS),
        "at": BEGIN + timedelta(seconds=number // 5),
        "event": "role_created" if number % 1_000 == 0 or number == 5 else "login_succeeded",
        "user_id": user_id,
        "request_id": str(number),
        "details": {},
    }


async def test_every_filter_has_an_index_and_every_page_costs_the_same(app: FastAPI) -> None:
    runtime: Runtime = app.state.runtime
    database = runtime.shared.database()
    async with database.transaction() as session:
        for start in range(0, ROWS, CHUNK):
            await session.execute(insert(AuditEvent), [event_row(number) for number in range(start, start + CHUNK)])
    if (tidying := TIDYING.get(database.engine.dialect.name)) is not None:
        async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            await connection.execute(text(tidying))
    reads = Reads(database.engine, "auth_audit_events")
    whole = await reads.of_all_rows("request_id")

    for sort, user_id, event in product(("at", "-at"), (None, BUSY), (None, "login_succeeded", "role_created")):

        async def page(request: PageRequest, user_id: UUID | None = user_id, event: str | None = event) -> str | None:
            async with database.read() as session:
                reader = runtime.of(AuthContainer).audit_reader(session=session)
                return str((await reader.list(request, user_id=user_id, event=event)).next_cursor)

        first = await reads.of(lambda: page(PageRequest(sort)))  # noqa: B023 - called at once
        assert first < whole / 10, (sort, user_id, event, first, whole)
        if event != "role_created":
            cursor = await page(PageRequest(sort, 2_500))
            deep = await reads.of(lambda: page(PageRequest(sort, cursor=cursor)))  # noqa: B023 - called at once
            assert max(first, deep) <= 2 * min(first, deep), (sort, user_id, event, first, deep)
