"""Alembic with many branches: `alembic heads`, and `alembic upgrade heads` from an empty database."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import typer

from benchmarks import machine
from benchmarks.databases import POSTGRES, SQLITE, database, execute
from benchmarks.generated import name_of, project
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, spread
from benchmarks.servers import bare_environment

SIZES = (0, 50, 100, 200)
QUICK_SIZES = (0, 2, 4, 8)
REVISIONS = 5
# Linear is 1; above this, twice the modules cost clearly more than twice the time.
LINEAR = 1.25

Seconds = dict[str, list[float]]


def run(options: Options) -> Section:
    sizes = QUICK_SIZES if options.quick else SIZES
    seen: dict[int, Seconds] = {}
    for size in sizes:
        typer.echo(f"  {size} modules", err=True)
        with project(size, revisions=REVISIONS) as root:
            seen[size] = {"alembic heads": [_heads(root, size) for _ in range(options.rounds)]}
            for backend in (POSTGRES, SQLITE):
                seen[size][f"upgrade heads, {backend}"] = [_upgrade(root, size, backend) for _ in range(options.rounds)]
    return _section(seen)


def _heads(root: Path, size: int) -> float:
    seconds, output = _alembic(root, "sqlite://", "heads")
    # Without generated modules, only those of the project itself.
    assert all(name_of(number) in output for number in range(size)), output
    return seconds


def _upgrade(root: Path, size: int, backend: str) -> float:
    with database(backend, migrated=False) as address:
        seconds, _ = _alembic(root, address, "upgrade", "heads")
        for number in {0, size - 1} if size else set():
            last = f"SELECT column{REVISIONS - 1} FROM {name_of(number)}_things"
            assert execute(address, last) == []
    return seconds


def _alembic(root: Path, address: str, *arguments: str) -> tuple[float, str]:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=root,
        env=bare_environment() | {"DATABASE_URL": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    machine.pin(process.pid, machine.SERVER_CORE)
    output, _ = process.communicate()
    assert process.returncode == 0, output[-4000:]
    return time.perf_counter() - started, output


def _section(seen: dict[int, Seconds]) -> Section:
    nothing, _, half, largest = seen
    shown = list(seen[largest])
    rows: list[Row] = [[command, *(spread(seen[size][command]) for size in seen)] for command in shown]

    def middle(size: int, command: str) -> float:
        return median(seen[size][command])

    def growth(command: str) -> float:
        """The ratio of a revision's cost with all modules to that with half of them."""
        fixed = middle(nothing, command)
        return ((middle(largest, command) - fixed) / largest) / ((middle(half, command) - fixed) / half)

    return Section(
        f"Migrations: modules of {REVISIONS} revisions",
        [Table(("seconds", *(f"{size} modules more" for size in seen)), rows)],
        [
            Target("alembic heads", middle(largest, shown[0]), 2, unit=" s"),
            *(
                Target(f"{command}: the cost of a revision with all modules, to half of them", growth(command), LINEAR)
                for command in shown[1:]
            ),
        ],
        ["Each command is a process of its own, on the server's core, with what Python needs to start."],
        {str(size): seconds for size, seconds in seen.items()},
    )
