"""How much a database reads for an answer: counted by the database itself, the same in each run."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Count = Callable[[], Awaitable[int]]

# PostgreSQL counts index entries and rows, for each transaction.
POSTGRES_READS = """
SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))
FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
# MariaDB counts what is asked of the tables, those included that it makes for itself.
MARIADB_READS = """
SELECT sum(variable_value) FROM information_schema.session_status
WHERE variable_name LIKE 'Handler_read%' OR variable_name = 'Handler_icp_attempts'
"""
# Rows are cheap to count with.
SQLITE_STEPS = 10


class Reads:
    """Counts what the queries on a table read, when they are made again."""

    def __init__(self, engine: AsyncEngine, table: str) -> None:
        self._engine = engine
        self._table = table
        self._queries: list[tuple[str, Any]] = []
        event.listen(engine.sync_engine, "before_cursor_execute", self._note)

    def _note(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        if re.search(rf"\bFROM {self._table}\b", statement):
            self._queries.append((statement, parameters))

    async def of(self, ask: Callable[[], Awaitable[object]]) -> int:
        """What is read for what `ask` does; at worst, where the database has several ways."""
        self._queries.clear()
        await ask()
        queries = list(self._queries)
        assert queries
        return max([await self._of(queries, mode) for mode in ("force_custom_plan", "force_generic_plan")])

    async def of_all_rows(self, column: str) -> int:
        """What is read to look at each row; `column` is one without an index."""
        query = f"SELECT count(*) FROM {self._table} WHERE {column} <> ''"
        return await self._of([(query, ())], "force_custom_plan")

    async def _of(self, queries: list[tuple[str, Any]], plan_mode: str) -> int:
        async with self._engine.connect() as connection, self._counter(connection, plan_mode) as count:
            before = await count()
            for statement, parameters in queries:
                (await connection.exec_driver_sql(statement, parameters)).all()
            return await count() - before

    @asynccontextmanager
    async def _counter(self, connection: AsyncConnection, plan_mode: str) -> AsyncIterator[Count]:
        if self._engine.dialect.name == "sqlite":
            steps = 0

            def step() -> None:
                nonlocal steps
                steps += SQLITE_STEPS

            async def count() -> int:
                return steps

            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.set_progress_handler(step, SQLITE_STEPS)
            yield count
            await driver.set_progress_handler(None, 0)
            return
        if self._engine.dialect.name == "postgresql":
            # What a statement that was prepared, and made several times, may be planned as.
            await connection.execute(text(f"SET LOCAL plan_cache_mode = {plan_mode}"))
        query = text(POSTGRES_READS if self._engine.dialect.name == "postgresql" else MARIADB_READS)

        async def ask() -> int:
            return int(await connection.scalar(query) or 0)

        yield ask
