"""Work that an answer does not wait for."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from typing import Any

import structlog

from shared.context import current_request

log = structlog.get_logger("background")

RUNNING_AT_ONCE = 8
WAITING = 1000
GRACE_SECONDS = 10.0
CANCELLATION_SECONDS = 1.0

Work = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What is to be done, for which request, and what the log may say of it."""

    work: Work
    context: Context
    details: dict[str, str]


class BackgroundRunner:
    """Runs coroutines in the loop that serves, a few at a time, after the answer and independently of it.

    Nothing is kept on disk: what has not run when the process ends is lost. A failure is logged with the id of the
    request that it came from; its text must hold nothing that a log may not.

    Unlike FastAPI's class of this name, one of these serves the whole application.
    """

    def __init__(
        self,
        *,
        running_at_once: int = RUNNING_AT_ONCE,
        waiting: int = WAITING,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._running_at_once = running_at_once
        self._most_waiting = waiting
        self._grace_seconds = grace_seconds
        self._waiting: deque[_Given] = deque()
        # The loop itself keeps only weak references.
        self._running: dict[asyncio.Task[None], _Given] = {}

    def run(self, work: Work, **details: str) -> None:
        """Start it, or let it wait for its turn. Never raises: when too much is waiting it is logged and dropped.

        `details` are logged with its name and the request's id if it is dropped, fails or is lost.
        """
        if len(self._waiting) >= self._most_waiting:
            work.close()
            log.error("background_task_dropped", task=_name(work), waiting=len(self._waiting), **details)
            return
        context = copy_context()
        # It goes on for its caller, whatever becomes of the login.
        context.run(current_request.set, replace(current_request.get(), confirm=None))
        self._waiting.append(_Given(work, context, details))
        self._start_next()

    async def close(self, *, within: float | None = None) -> None:
        """Wait for everything, including what that starts in turn; after the grace period, cancel what is left.

        Args:
            within: Seconds for all of this, if they are fewer than the grace period would take.
        """
        grace = self._grace_seconds if within is None else min(self._grace_seconds, within - 2 * CANCELLATION_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._running:
                    await asyncio.wait(self._running)
        if not self._running:
            return
        log.error("background_tasks_lost", running=len(self._running), waiting=len(self._waiting))
        for given in (*self._running.values(), *self._waiting):
            given.context.run(log.error, "background_task_lost", task=_name(given.work), **given.details)
        for given in self._waiting:
            given.work.close()
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await asyncio.wait(self._running, timeout=CANCELLATION_SECONDS)

    def _start_next(self) -> None:
        while self._waiting and len(self._running) < self._running_at_once:
            given = self._waiting.popleft()
            task = asyncio.get_running_loop().create_task(given.work, name=_name(given.work), context=given.context)
            self._running[task] = given
            task.add_done_callback(self._finish, context=given.context)

    def _finish(self, task: asyncio.Task[None]) -> None:
        given = self._running.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_task_failed", task=task.get_name(), exc_info=error, **given.details)
        self._start_next()


def _name(work: Work) -> str:
    return getattr(work, "__qualname__", type(work).__name__)
