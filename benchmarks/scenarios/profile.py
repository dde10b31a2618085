"""The time of `GET /api/users/me` by package: samples of the running server's stacks."""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.databases import database, keep_off_the_servers_core
from benchmarks.load import drive, repeated, request
from benchmarks.load import run as run_load
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table
from benchmarks.rounds import QUICK_WARM_UP_SECONDS, WARM_UP_SECONDS
from benchmarks.scenarios.read import PATH
from benchmarks.seed import access_tokens, callers, seed
from benchmarks.servers import ROOT, Server, ours

SAMPLES_A_SECOND = 250
LOOP = "asyncio/runners.py"
"""The only file of the standard library that counts as a place; the rest counts as its caller."""
EVENT_LOOP = "the event loop, and what it calls that is not Python: sockets, asyncpg's protocol"


def run(options: Options) -> Section:
    section = Section("Where the time goes: GET /api/users/me")
    with database() as address:
        seed(address)
        with ours(address) as server:
            load = _load(server, options)
            load(QUICK_WARM_UP_SECONDS if options.quick else WARM_UP_SECONDS)
            keep_off_the_servers_core(address)
            # Without the profiler, which stops the server while it takes a sample.
            before, answered = server.cpu_seconds, load(options.seconds)
            microseconds = (server.cpu_seconds - before) / answered * 1e6
            try:
                samples = _samples(server, load, options)
            except PermissionError as error:
                section.notes.append(
                    f"The server's process may not be looked at, on most machines only by root: {error}"
                )
                return section
    total = samples.total()
    rows: list[Row] = [
        [place, f"{count / total:.1%}", microseconds * count / total] for place, count in samples.most_common()
    ]
    section.tables = [Table(("", "share", "CPU microseconds a request"), [*rows, ["all", "100%", microseconds]])]
    section.notes = [
        f"{total:,} samples; each belongs to the innermost file that is not the standard library's.",
        "What is compiled has no frames of its own: its time is that of the Python that calls it.",
    ]
    section.raw = {"microseconds": microseconds, "samples": dict(samples)}
    return section


def _load(server: Server, options: Options) -> Callable[[float], int]:
    """A function that sends requests for so many seconds, and returns the number of answers."""
    asking = callers()

    def load(seconds: float) -> int:
        # Tokens last for a quarter of an hour, and this may take longer.
        requests = [request("GET", PATH, token=token) for token in access_tokens(asking)]
        sample = run_load(drive(server.port, repeated(requests, options.connections), seconds=seconds))
        sample.require_only()
        return sample.count()

    return load


def _samples(server: Server, load: Callable[[float], int], options: Options) -> Counter[str]:
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        profiler = subprocess.Popen(
            [
                *(Path(sys.executable).with_name("py-spy"), "record", "--pid", str(server.pid)),
                *("--rate", str(SAMPLES_A_SECOND), "--duration", str(round(options.rounds * options.seconds))),
                *("--format", "raw", "--full-filenames", "--output", stacks),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while profiler.poll() is None:
            load(options.seconds)
        _, told = profiler.communicate()
        if profiler.returncode:
            raise PermissionError(told.strip())
        return _by_place(stacks.read_text(encoding="utf-8"))


def _by_place(stacks: str) -> Counter[str]:
    """Counts py-spy's stacks by place: a line for each, outermost frame first, with its number of samples."""
    seen: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        # A stack that changed while it was read has no frames.
        if place := next(filter(None, map(_place, reversed(stack.split(";")))), None):
            seen[place] += int(count)
    return seen


def _place(frame: str) -> str | None:
    """The place of a frame, `function (file:line)`; None for the standard library."""
    file = frame.rpartition(" (")[2].rpartition(":")[0]
    _, is_package, within = file.partition("site-packages/")
    if is_package:
        return within.partition("/")[0].removesuffix(".py")
    if file.startswith(str(ROOT)):
        return f"this project: {file.removeprefix(f'{ROOT}/')}"
    return EVENT_LOOP if file.endswith(LOOP) else None
