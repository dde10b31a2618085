"""Prints the queries of lists with their plans, for each path. Arguments: a token and paths."""

import asyncio
import json
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.probes.asgi import ask
from bootstrap import create_app
from shared.application import part_of
from shared.container import Runtime

EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN", "mysql": "EXPLAIN"}

Query = tuple[str, Any]


async def main() -> None:
    token, *paths = sys.argv[1:]
    app = create_app()
    runtime = part_of(app, Runtime)
    engine = runtime.shared.database().engine
    queries: list[Query] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if "FROM users" in statement:
            queries.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    found = {}
    for path in paths:
        queries.clear()
        answer = await ask(app, path, token=token)
        assert answer.status == 200, answer
        found[path] = [await _explained(engine, query) for query in list(queries)]
    await runtime.close()
    json.dump(found, sys.stdout)


async def _explained(engine: AsyncEngine, query: Query) -> dict[str, Any]:
    statement, parameters = query
    async with engine.connect() as connection:
        result = await connection.exec_driver_sql(f"{EXPLAIN[engine.dialect.name]} {statement}", parameters)
        rows = [{name: str(value) for name, value in row.items()} for row in result.mappings()]
    return {"statement": statement, "plan": rows}


if __name__ == "__main__":
    asyncio.run(main())
