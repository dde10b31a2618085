"""Background work, which answers do not wait for."""

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
class _Job:
    """The work, the context of its request, and details for the log."""

    work: Work
    context: Context
    details: dict[str, str]


class BackgroundRunner:
    """Runs coroutines in the serving event loop, a few at a time, independently of the answer.

    Nothing is kept on disk: work that is left when the process ends is lost. A failure is logged with the id of its
    request, so its text must not contain anything secret.

    Unlike FastAPI's BackgroundTasks, one instance serves the whole application.
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
        self._waiting: deque[_Job] = deque()
        # The loop itself keeps only weak references.
        self._running: dict[asyncio.Task[None], _Job] = {}

    def run(self, work: Work, **details: str) -> None:
        """Start the work, or queue it. Never raises: if the queue is full, the work is logged and dropped.

        `details` are logged with its name and the request's id if it is dropped, fails or is lost.
        """
        if len(self._waiting) >= self._most_waiting:
            work.close()
            log.error("background_task_dropped", task=_name(work), waiting=len(self._waiting), **details)
            return
        context = copy_context()
        # It continues for its caller, even if the login ends.
        context.run(current_request.set, replace(current_request.get(), confirm=None))
        self._waiting.append(_Job(work, context, details))
        self._start_next()

    async def close(self, *, within: float | None = None) -> None:
        """Wait for all work, including work that it starts; after the grace period, cancel the rest.

        Args:
            within: Seconds for all of this, if fewer than the grace period.
        """
        grace = self._grace_seconds if within is None else min(self._grace_seconds, within - 2 * CANCELLATION_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._running:
                    await asyncio.wait(self._running)
        if not self._running:
            return
        log.error("background_tasks_lost", running=len(self._running), waiting=len(self._waiting))
        for job in (*self._running.values(), *self._waiting):
            job.context.run(log.error, "background_task_lost", task=_name(job.work), **job.details)
        for job in self._waiting:
            job.work.close()
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await asyncio.wait(self._running, timeout=CANCELLATION_SECONDS)

    def _start_next(self) -> None:
        while self._waiting and len(self._running) < self._running_at_once:
            job = self._waiting.popleft()
            task = asyncio.get_running_loop().create_task(job.work, name=_name(job.work), context=job.context)
            self._running[task] = job
            task.add_done_callback(self._finish, context=job.context)

    def _finish(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_task_failed", task=task.get_name(), exc_info=error, **job.details)
        self._start_next()


def _name(work: Work) -> str:
    return getattr(work, "__qualname__", type(work).__name__)
