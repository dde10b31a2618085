"""The command: runs the chosen scenarios, prints the result and writes it to files."""

import logging
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import machine
from benchmarks.databases import ServerAway
from benchmarks.options import Options
from benchmarks.report import Report, Section
from benchmarks.servers import ENVIRONMENTS, ROOT

RESULTS = Path(__file__).parent / "results"
SCENARIOS = ("read", "module", "refresh", "login", "routing", "lists", "memory", "sqlite", "migrations", "profile")

Scenario = Callable[[Options], Section]


def main(  # noqa: PLR0913, PLR0917 - each is an option of the command
    scenarios: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(SCENARIOS)}; all by default.")] = None,
    rounds: Annotated[int, typer.Option(min=1)] = Options.rounds,
    seconds: Annotated[float, typer.Option(min=0.2, help="That a round measures.")] = Options.seconds,
    connections: Annotated[int, typer.Option(min=1)] = Options.connections,
    quick: Annotated[bool, typer.Option(help="Only show that everything works; the figures mean nothing.")] = False,
    output: Annotated[Path, typer.Option(help="The folder for the result.")] = RESULTS,
) -> None:
    """Measure the service beside a hand-written limit and its peers.

    BENCH_POSTGRES_URL and BENCH_MARIADB_URL name the servers on which databases may be made and dropped.
    """
    machine.require_linux()
    chosen = scenarios or list(SCENARIOS)
    if unknown := sorted(set(chosen) - set(SCENARIOS)):
        sys.exit(f"There is no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}.")
    options = Options(2, 1.0, connections, quick) if quick else Options(rounds, seconds, connections)
    now = datetime.now(UTC)
    report = Report(
        started=now.isoformat(timespec="seconds"),
        command=shlex.join(["uv", "run", "--group", "bench", "python", "-m", "benchmarks", *sys.argv[1:]]),
        machine=machine.describe() | {"env_file": (ROOT / ".env").exists()},
        versions={},
        options=asdict(options),
    )
    machine.pin(os.getpid(), machine.LOAD_CORE)
    # Alembic's lines, and MariaDB's warnings, would bury those about the measurements.
    logging.basicConfig(level=logging.ERROR)
    for name in chosen:
        typer.echo(f"{name} ...", err=True)
        run: Scenario = import_module(f"benchmarks.scenarios.{name}").run
        try:
            report.sections[name] = run(options)
        except ServerAway as error:
            sys.exit(f"{name}: {error}.")
        typer.echo(f"\n{report.sections[name]}\n")
        # After each scenario, as a run takes long, and a later failure should not lose earlier results.
        report.versions = machine.versions(*sorted(ENVIRONMENTS.glob("*")))
        page = report.write(output, f"{now:%Y-%m-%d-%H%M%S}" + ("-quick" if quick else ""))
    typer.echo(f"Written: {page} and {page.with_suffix('.json').name}", err=True)


if __name__ == "__main__":
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command()(main)
    command()
