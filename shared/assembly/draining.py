"""Graceful shutdown: the server leaves the load balancer, finishes its requests, and ends in time."""

import asyncio
import signal
import time
from contextlib import suppress
from multiprocessing import parent_process
from socket import socket
from types import FrameType
from typing import cast

import structlog
import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from shared.assembly import door
from shared.shutdown import Shutdown

log = structlog.get_logger("shutdown")

TICK_SECONDS = 0.05
# For new connections to send their request.
ARRIVAL_SECONDS = 0.5
# For a request to notice that its client is gone, or that it was cancelled.
PARTING_SECONDS = 1.0
# For background work and the pools at most; half of the time if that is short.
CLOSING_SECONDS = 12.0


class DrainingServer(uvicorn.Server):
    """uvicorn's server with a graceful shutdown. Never constructed: `drain_at_the_end` makes it from uvicorn's."""

    _shutdown: Shutdown
    _delay: float
    _timeout: float
    _deadline: float | None = None
    _loop: asyncio.AbstractEventLoop

    def prepare(self, shutdown: Shutdown, *, delay: float, timeout: float) -> None:
        self._shutdown, self._delay, self._timeout = shutdown, delay, timeout
        self._loop = asyncio.get_running_loop()
        for sig in HANDLED_SIGNALS:
            signal.signal(sig, self.handle_exit)
        if (parent := parent_process()) is not None:
            with suppress(NotImplementedError):  # Windows
                self._loop.add_reader(parent.sentinel, self._supervisor_lost, parent.sentinel)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Begin to drain; at a second signal, end at once."""
        if self._deadline is None:
            self._captured_signals.append(sig)
            self._loop.call_soon_threadsafe(self._begin, self._set_the_deadline(), self._delay)
        elif sig == signal.SIGINT or parent_process() is None:
            # Workers ignore a second SIGTERM: often they get one with the group and one from the supervisor, which ends
            # them by SIGKILL.
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)

    async def on_tick(self, counter: int) -> bool:
        if counter == 0 or parent_process() is not None:
            # Another worker that ended, or the one before this, may have shut the socket that they share.
            for fileno in self._listeners():
                door.open_again(fileno)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        if self._deadline is None:  # by --limit-max-requests
            self._begin(self._set_the_deadline(), 0)
        log.info("stops_accepting", connections=len(self.server_state.connections))
        await self._empty_the_queue()
        for server in self.servers:
            server.close()
        for one in sockets or ():
            one.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._finish_requests()
        try:
            async with asyncio.timeout(self._seconds_left() - PARTING_SECONDS / 2):
                await self.lifespan.shutdown()
        except TimeoutError:
            log.error("shutdown_cut_off", seconds=self._timeout)  # noqa: TRY400 - no traceback shows where it hung

    def _set_the_deadline(self) -> float:
        self._deadline = time.monotonic() + self._timeout
        if hasattr(signal, "setitimer"):
            # If anything hangs, even code that never returns to the loop, the kernel ends the process.
            signal.setitimer(signal.ITIMER_REAL, self._timeout)
        return self._deadline

    def _begin(self, deadline: float, delay: float) -> None:
        self._shutdown.begin(deadline)
        log.info("draining", seconds=delay)
        if delay and self.started:
            self._loop.call_later(delay, self._stop_serving)
        else:
            self._stop_serving()

    def _stop_serving(self) -> None:
        self.should_exit = True

    def _supervisor_lost(self, sentinel: int) -> None:
        """End this worker: nothing else would, and the supervisor's successor needs the port."""
        self._loop.remove_reader(sentinel)
        log.error("supervisor_gone")
        if self._deadline is None:
            self._captured_signals.append(signal.SIGTERM)
            self._begin(self._set_the_deadline(), 0)
        self._stop_serving()

    def _listeners(self) -> list[int]:
        return [one.fileno() for server in self.servers for one in server.sockets]

    async def _empty_the_queue(self) -> None:
        """Accept the connections that wait in the sockets' queues, and give them time to send a request."""
        for fileno in self._listeners():
            door.shut(fileno)
        until = time.monotonic() + ARRIVAL_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        while time.monotonic() < until and any(  # noqa: ASYNC110 - uvicorn has no event for it
            map(_has_no_request, self.server_state.connections)
        ):
            await asyncio.sleep(TICK_SECONDS)

    async def _finish_requests(self) -> None:
        """Wait for requests to end, as long as there is time for it; then cancel them."""
        state, given = self.server_state, self.config.timeout_graceful_shutdown
        left = self._seconds_left()
        until = time.monotonic() + left - min(CLOSING_SECONDS, left / 2)
        if given is not None:
            until = min(until, time.monotonic() + given)
        while (state.connections or state.tasks) and time.monotonic() < until:
            if not state.connections:
                until = min(until, time.monotonic() + PARTING_SECONDS)
            await asyncio.sleep(TICK_SECONDS)
        if not state.tasks:
            return
        log.warning("requests_broken_off", requests=len(state.tasks))
        for task in state.tasks:
            task.cancel()
        await asyncio.wait(state.tasks, timeout=PARTING_SECONDS)

    def _seconds_left(self) -> float:
        return cast("float", self._shutdown.seconds_left())


def _has_no_request(connection: object) -> bool:
    """True for an HTTP connection on which no request has begun."""
    return getattr(connection, "cycle", connection) is None


def drain_at_the_end(shutdown: Shutdown, *, delay: float, timeout: float) -> None:
    """Make the server that runs this application a `DrainingServer`, whatever command started it.

    uvicorn makes its server before it imports the application, so its class is changed while it starts. The server is
    found through the signals that it handles; in a test there is none.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if type(server) is uvicorn.Server:
        server.__class__ = DrainingServer
        cast("DrainingServer", server).prepare(shutdown, delay=delay, timeout=timeout)
