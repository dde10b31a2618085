"""Tells whether the service is stopping, and how much time is left."""

import asyncio
import time
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from shared.application import part_of


class Shutdown:
    """One instance per application. Long-running work, a stream for example, ends itself when `wait` returns."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()
        self._deadline: float | None = None

    @property
    def has_begun(self) -> bool:
        """Requests are still served, but no load balancer should send any: readiness is off."""
        return self._begun.is_set()

    async def wait(self) -> None:
        """Return as soon as the service has been told to stop."""
        await self._begun.wait()

    def begin(self, deadline: float) -> None:
        """Announce that the service stops, and ends in any case at `deadline` by the monotonic clock."""
        self._deadline = deadline
        self._begun.set()

    def seconds_left(self) -> float | None:
        """None as long as there is no deadline."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())


def _of_the_application(connection: HTTPConnection) -> Shutdown:
    return part_of(connection.app, Shutdown)


Stopping = Annotated[Shutdown, Depends(_of_the_application)]
"""For long-running routes: `stopping: Stopping`, and `await stopping.wait()` along with their own events."""
