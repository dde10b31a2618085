"""Cancels a request whose time is over, or whose client has disconnected.

This frees its connection to the database. It applies until the answer begins; a stream may take any time.
"""

import asyncio
from asyncio import CancelledError, Task, TimerHandle
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.context import RequestInfo, current_request
from shared.errors import Unavailable

WHEN_LEFT = "when_left"
"""The key in the scope of the function that the server calls when the client has closed the connection."""

CLIENT_LEFT = 499
COMMIT_SECONDS = 1


class TookTooLong(Unavailable):
    """REQUEST_TIMEOUT_SECONDS passed before the answer began."""


class DeadlineMiddleware:
    def __init__(self, app: ASGIApp, *, seconds: float | None) -> None:
        self.app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        work = _Work(current_request.get(), self._seconds)
        scope[WHEN_LEFT] = work.leave

        async def send_the_answer(message: Message) -> None:
            work.end()
            await send(message)

        try:
            await self.app(scope, receive, send_the_answer)
        except CancelledError:
            if not work.was_given_up():
                raise
            if not work.has_left:
                raise TookTooLong from None
            # The client is gone: this is for the access log.
            await send({"type": "http.response.start", "status": CLIENT_LEFT, "headers": []})
            await send({"type": "http.response.body"})
        finally:
            work.end()


class _Work:
    """The work of a request's task until its answer begins."""

    __slots__ = ("_is_given_up", "_request", "_task", "_timer", "has_left")

    def __init__(self, request: RequestInfo, seconds: float | None) -> None:
        self._request = request
        self._task: Task[Any] | None = asyncio.current_task()
        self._timer: TimerHandle | None = None
        self._is_given_up = self.has_left = False
        if seconds is not None:
            self._call_later(seconds, self._give_up)

    def leave(self) -> None:
        # A counted try runs to its end: otherwise clients that disconnect early could try without limit.
        if not self._request.is_counted and not self._request.is_committing:
            self.has_left = True
            self._give_up()

    def end(self) -> None:
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def was_given_up(self) -> bool:
        """True if the task was cancelled here, and nowhere else as well."""
        task = asyncio.current_task()
        return self._is_given_up and task is not None and task.uncancel() == 0

    def _give_up(self) -> None:
        if self._task is None or self._is_given_up:
            return
        if self._request.is_committing:  # its outcome will be known, and answered, in a moment
            self._call_later(COMMIT_SECONDS, self._give_up)
            return
        self._is_given_up = True
        self._task.cancel()

    def _call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, callback)
