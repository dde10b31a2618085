"""Measures many modules in one process. Arguments: the paths of the first and last route, and an unknown one."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from statistics import median

from fastapi import FastAPI

from benchmarks.probes.asgi import ask, scope
from bootstrap import create_app
from shared.access.table import AccessTable
from shared.application import part_of

REPEATS = 7
STRETCH_SECONDS = 0.2


def timed(work: Callable[[], object]) -> float:
    """The milliseconds of one call: the median of several periods."""
    work()
    took = []
    for _ in range(REPEATS):
        calls, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < STRETCH_SECONDS:
            work()
            calls += 1
        took.append(passed / calls * 1000)
    return median(took)


def once(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def asking(app: FastAPI, loop: asyncio.AbstractEventLoop, path: str, status: int) -> Callable[[], None]:
    """A whole request."""

    def work() -> None:
        answer = loop.run_until_complete(ask(app, path))
        assert answer.status == status, answer

    return work


def main() -> None:
    first, last, unknown = sys.argv[1:]
    started = time.perf_counter()
    app = create_app()
    created = (time.perf_counter() - started) * 1000
    table, loop = part_of(app, AccessTable), asyncio.new_event_loop()
    lifespan = app.router.lifespan_context(app)
    loop.run_until_complete(lifespan.__aenter__())
    for path in (first, last):
        entry = table.match(scope(path) | {"app": app}).entry
        assert entry is not None, path
        assert entry.path.endswith("/ping"), path
    assert table.match(scope(unknown) | {"app": app}).entry is None, unknown
    figures = {
        "create_app_ms": created,
        "match_first_ms": timed(lambda: table.match(scope(first) | {"app": app})),
        "match_last_ms": timed(lambda: table.match(scope(last) | {"app": app})),
        "match_unknown_ms": timed(lambda: table.match(scope(unknown) | {"app": app})),
        "request_first_ms": timed(asking(app, loop, first, 200)),
        "request_last_ms": timed(asking(app, loop, last, 200)),
        "request_unknown_ms": timed(asking(app, loop, unknown, 401)),
        "openapi_ms": once(app.openapi),
        "openapi_again_ms": once(app.openapi),
    }
    loop.run_until_complete(lifespan.__aexit__(None, None, None))
    loop.close()
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
