"""Measures variants side by side: each in every round, in alternating order, each time in a new process."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import typer

from benchmarks.databases import POSTGRES, keep_off_the_servers_core
from benchmarks.load import Flow, Sample, drive, run
from benchmarks.options import Options
from benchmarks.report import number
from benchmarks.servers import Server, ServerBlock

WARM_UP_SECONDS = 2.0
QUICK_WARM_UP_SECONDS = 0.3


@dataclass
class Variant:
    """One application under measurement."""

    name: str
    start: Callable[[], ServerBlock]
    flows: Callable[[int], Sequence[Flow]]
    verify: Callable[[Server], None]
    address: str
    sessions: str = "none"
    status: int = 200
    """The status of every measured answer."""
    beside: Callable[[int, float], Coroutine[Any, Any, Sample]] | None = None
    """Additional load at the same time; takes the port and the duration in seconds."""
    figures: list[dict[str, float]] = field(default_factory=list)

    def values(self, figure: str) -> list[float]:
        return [one[figure] for one in self.figures]

    def middle(self, figure: str) -> float:
        return median(self.values(figure))


def measure(variants: Sequence[Variant], options: Options) -> list[str]:
    """Fill each variant's figures; returns notes about the circumstances."""
    notes: list[str] = []
    for number_ in range(options.rounds):
        # Alternate the order, so that a drift affects the first and the last alike.
        for variant in variants if number_ % 2 == 0 else reversed(variants):
            with variant.start() as server:
                if number_ == 0:
                    variant.verify(server)
                note = _measure(variant, server, options)
            if note and note not in notes:
                notes.append(note)
            latest = variant.figures[-1]
            typer.echo(f"  round {number_ + 1}, {variant.name}: {number(latest['rate'])} a second", err=True)
    return notes


def _measure(variant: Variant, server: Server, options: Options) -> str | None:
    warm_up = QUICK_WARM_UP_SECONDS if options.quick else WARM_UP_SECONDS
    run(drive(server.port, variant.flows(options.connections), seconds=warm_up))
    unpinned = keep_off_the_servers_core(variant.address) if variant.address.startswith(POSTGRES) else None
    before = server.cpu_seconds
    sample, beside = run(_together(variant, server, options))
    used = server.cpu_seconds - before
    sample.require_only(variant.status)
    variant.figures.append(
        {
            "rate": sample.rate_of(variant.status),
            "cpu_us": used / sample.count(variant.status) * 1e6,
            "busy": used / sample.seconds,
            "p50_ms": sample.quantile_ms(0.5, variant.status),
            "p99_ms": sample.quantile_ms(0.99, variant.status),
            "client_cpu_us": sample.client_cpu_us,
            "memory_mib": server.memory_mib,
        }
    )
    if beside is not None:
        beside.require_only()
        variant.figures[-1] |= {"beside_rate": beside.rate, "beside_p99_ms": beside.quantile_ms(0.99)}
    return unpinned and f"PostgreSQL's processes could not be pinned: {unpinned}."


async def _together(variant: Variant, server: Server, options: Options) -> tuple[Sample, Sample | None]:
    load = drive(server.port, variant.flows(options.connections), seconds=options.seconds)
    if variant.beside is None:
        return await load, None
    sample, beside = await asyncio.gather(load, variant.beside(server.port, options.seconds))
    return sample, beside


def ratios(of: Variant, to: Variant, figure: str = "rate") -> list[float]:
    """The ratio in each round, so that a slow round does not distort it."""
    pairs: list[tuple[Any, Any]] = list(zip(of.values(figure), to.values(figure), strict=True))
    return [one / other for one, other in pairs]
