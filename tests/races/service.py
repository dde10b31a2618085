"""The service as it runs in production: processes of its own, one database, and many requests at once."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from threading import Thread
from typing import IO, Any

import httpx2 as httpx
from sqlalchemy import Select

from shared.database import Database
from tests.conftest import Account
from tests.project import COMMAND_SECONDS, Project

# Far more than a request takes: only a test that fails waits for so long.
PATIENCE_SECONDS = 60

# Less than by default, so that it is soon reached.
SESSION_CAP = 10


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    body: Any = None
    by: Account | None = None


@dataclass
class Process:
    """One process of the service; `output` grows while it runs."""

    address: str
    pid: int
    output: list[str] = field(default_factory=list)


@contextmanager
def serve(project: Project, processes: int) -> Iterator[list[Process]]:
    """Start so many processes at the same time, each on a port of its own, and wait until all of them serve.

    Not `uvicorn --workers`: there the kernel deals the connections out, and now and then it gives all to one worker.
    """
    command = [sys.executable, "-m", "uvicorn", "bootstrap:app", "--port", "0", "--timeout-keep-alive", "75"]
    started = [
        subprocess.Popen(
            command,
            cwd=project.path,
            env=project.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    readers: list[Thread] = []
    try:
        serving = []
        for one in started:
            assert one.stderr is not None
            serving.append(_wait_until_it_serves(one.pid, one.stderr))
            # Whoever does not read what a process prints makes it stop when the pipe is full.
            readers.append(Thread(target=_read, args=(one.stderr, serving[-1].output)))
            readers[-1].start()
        yield serving
    finally:
        for one in started:
            one.terminate()
        for one in started:
            one.wait(COMMAND_SECONDS)
        for reader in readers:
            reader.join()
        for one in started:
            assert one.stderr is not None
            one.stderr.close()


def _wait_until_it_serves(pid: int, stderr: IO[str]) -> Process:
    output = []
    for line in stderr:
        output.append(line)
        if running := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
            return Process(running[1], pid, output)
    raise AssertionError("the process ended:\n" + "".join(output))


def _read(stderr: IO[str], output: list[str]) -> None:
    for line in stderr:
        output.append(line)  # noqa: PERF402 - to be seen line by line, not when the process has ended


class Race:
    """Clients of every process, and the database behind them."""

    def __init__(self, clients: Sequence[httpx.AsyncClient], database: Database, processes: Sequence[Process]) -> None:
        self.database = database
        self._clients = clients
        self._processes = processes

    @property
    def client(self) -> httpx.AsyncClient:
        """For what happens before and after."""
        return self._clients[0]

    async def at_once(self, calls: Sequence[Call]) -> list[httpx.Response]:
        """Send them all at once, dealt out to the processes in turn. None may fail through a fault of the service."""
        sent = [
            client.request(one.method, one.path, json=one.body, headers=one.by.headers if one.by else None)
            for one, client in zip(calls, cycle(self._clients), strict=False)
        ]
        answers = await asyncio.gather(*sent)
        if faults := [answer.text for answer in answers if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR]:
            raise AssertionError("\n".join([f"{len(faults)} of {len(calls)}:", *faults, *self._errors()]))
        return answers

    async def one(self, query: Select[Any]) -> Any:
        """The first column of the first row, as another process sees it."""
        async with self.database.read() as session:
            return await session.scalar(query)

    async def all(self, query: Select[Any]) -> list[Any]:
        """The first column of every row."""
        async with self.database.read() as session:
            return list(await session.scalars(query))

    def _errors(self) -> list[str]:
        lines = [line for process in self._processes for line in process.output if '"level": "error"' in line]
        return [str(one.get("reason") or one.get("exception")) for one in map(json.loads, lines)]


@asynccontextmanager
async def race_on(processes: Sequence[Process], database: str) -> AsyncIterator[Race]:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=one.address, timeout=PATIENCE_SECONDS, limits=httpx.Limits())
            )
            for one in processes
        ]
        opened = Database(database)
        stack.push_async_callback(opened.close)
        yield Race(clients, opened, processes)


def outcomes(answers: Sequence[httpx.Response]) -> dict[str, int]:
    """How often there was each answer: `{"200 ok": 1, "400 invalid_token": 19}`."""
    return dict(Counter(f"{answer.status_code} {answer.json()['code']}" for answer in answers))


def processes_on(backend: str) -> int:
    """SQLite is for one machine and, as a rule, one process."""
    return 1 if backend == "sqlite" else min(4, max(2, os.cpu_count() or 1))
