"""The parent of several workers: it replaces those that die, and its exit code says whether it was asked to end."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import current_process, parent_process
from socket import socket

import structlog
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

log = structlog.get_logger("supervisor")

LONGEST_PAUSE_SECONDS = 30.0
# Added to the time in which a worker ends by itself.
SPARE_SECONDS = 5.0


@dataclass(slots=True)
class _Place:
    """The slot of one worker: how often in a row its workers died early, and when the next one may start."""

    failures: int = 0
    due: float = 0.0


class Worker(Process):
    """A class of its own, by which `fails_the_supervisor` recognises our workers."""


class Supervisor(Multiprocess):
    """Keeps the healthy workers when one cannot start; uvicorn's own would end them all, with exit code 0.

    It ends with a worker that cannot start only if no worker has ever served.
    """

    def __init__(self, config: Config, sockets: list[socket], *, shutdown_timeout: float) -> None:
        super().__init__(config, sockets)
        self.exit_code = 0
        self._shutdown_timeout = shutdown_timeout
        self._has_served = False
        self._places: defaultdict[int, _Place] = defaultdict(_Place)

    def init_processes(self) -> None:
        self.processes = [Worker(self.config, self.sockets) for _ in range(self.processes_num)]
        for process in self.processes:
            process.start()

    def keep_subprocess_alive(self) -> None:
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                self._note_if_ready(index, process)
            else:
                self._replace(index, process)

    def join_all(self) -> None:
        """Wait for the workers to end; kill them at a second signal, or when their time is over."""
        until = time.monotonic() + self._shutdown_timeout + SPARE_SECONDS
        self.signal_queue.clear()
        while any(process.exitcode is None for process in self.processes):
            is_asked_again = signal.SIGTERM in self.signal_queue or signal.SIGINT in self.signal_queue
            if is_asked_again or time.monotonic() > until:
                log.warning("workers_killed", why="asked again" if is_asked_again else "time is up")
                for process in self.processes:
                    process.process.kill()
            time.sleep(0.05)
        for process in self.processes:
            process.join()

    def _note_if_ready(self, index: int, process: Process) -> None:
        place = self._places[index]
        if (place.failures or not self._has_served) and process.is_ready(self.config.timeout_worker_healthcheck):
            self._has_served, place.failures = True, 0

    def _replace(self, index: int, process: Process) -> None:
        place = self._places[index]
        if not place.due:
            process.kill()  # it hangs, or is dead already
            process.join()
            if process.exitcode == STARTUP_FAILURE and not self._has_served:
                log.error("worker_refused_to_start", pid=process.pid)
                self.exit_code = STARTUP_FAILURE
                self.should_exit.set()
                return
            pause = min(0.5 * 2**place.failures, LONGEST_PAUSE_SECONDS) if place.failures else 0.0
            place.failures, place.due = place.failures + 1, time.monotonic() + pause
            log.error("worker_died", pid=process.pid, exit_code=process.exitcode, next_in_seconds=pause)
        if time.monotonic() >= place.due:
            place.due = 0.0
            self.processes[index] = Worker(self.config, self.sockets)
            self.processes[index].start()


@contextmanager
def fails_the_supervisor() -> Iterator[None]:
    """For the start of a worker: if it fails, uvicorn's own supervisor would end all workers and exit with 0.

    So that supervisor is killed by a signal that it does not handle, and the other workers notice. In a container where
    it is process 1, the kernel ignores the signal.
    """
    try:
        yield
    except (Exception, SystemExit):
        parent, worker = parent_process(), getattr(current_process(), "_kwargs", {}).get("target")
        if parent is not None and type(getattr(worker, "__self__", None)) is Process and os.getppid() == parent.pid:
            os.kill(parent.pid, signal.SIGALRM)
        raise
