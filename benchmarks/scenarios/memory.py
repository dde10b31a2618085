"""Memory of a worker: after its start, and after very many requests."""

from collections.abc import Callable
from itertools import count

import typer

from benchmarks.databases import database
from benchmarks.load import Flow, drive, get, request
from benchmarks.load import run as run_load
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, number
from benchmarks.seed import Caller, access_tokens, callers, seed
from benchmarks.servers import ROOT, Server, environment, ours

REQUESTS, QUICK_REQUESTS = 200_000, 400
MEASUREMENTS = 10
STRETCH_SECONDS = 1.0
LIMIT_MIB = 110
# The allocator's noise, which equals a leak of ten bytes a request.
GROWTH_MIB = 2


def run(options: Options) -> Section:
    wanted = options.scaled(REQUESTS, QUICK_REQUESTS)
    # Packages import optional ones that are installed: with the development tools a worker takes four megabytes more.
    production = environment("production", ROOT / "requirements.lock")
    with database() as address:
        seed(address)
        with ours(address, python=production) as server:
            verify(server)
            seen = _fill(server, wanted, options)
    rows: list[Row] = [[f"{requests:,}", memory] for requests, memory in seen]
    # The first tenth fills pools and caches, which have bounds.
    growth = seen[-1][1] - seen[1][1]
    return Section(
        "Memory of a worker",
        [Table(("after requests", "resident, MiB"), rows)],
        [
            Target(f"after {seen[-1][0]:,} requests", seen[-1][1], LIMIT_MIB, unit=" MiB"),
            Target(f"growth since {seen[1][0]:,} requests", growth, GROWTH_MIB, unit=" MiB"),
        ],
        [
            (
                "One worker with the three modules, and the packages of requirements.lock. Of ten requests six read a "
                "profile, two a list; one is refused, and one asks for a path that nobody has asked for before."
            )
        ],
        {"seen": seen},
    )


def _fill(server: Server, wanted: int, options: Options) -> list[tuple[int, float]]:
    seen, done, paths = [(0, server.memory_mib)], 0, count()
    while done < wanted:
        until = done + wanted / MEASUREMENTS
        while done < until:
            # Tokens last for a quarter of an hour, and this may take longer.
            flows = [_flow(make) for make in [_requests(paths)] * options.connections]
            sample = run_load(drive(server.port, flows, seconds=STRETCH_SECONDS))
            done += sum(sample.count(status) for status in (200, 401, 404))
            assert not sample.latencies.keys() - {200, 401, 404}, sample.latencies.keys()
        seen.append((done, server.memory_mib))
        typer.echo(f"  {done:,} requests: {number(server.memory_mib)} MiB", err=True)
    return seen


def _requests(paths: "count[int]") -> Callable[[int], bytes]:
    some = callers()
    tokens, admin = access_tokens(some), access_tokens([Caller(0)])[0]

    def make(number_: int) -> bytes:
        token = tokens[number_ % len(tokens)]
        match number_ % 10:
            case 0:
                return request("GET", f"/api/nowhere/{next(paths)}", token=token)
            case 1:
                return request("GET", "/api/users/me", token=f"{token}x")
            case 2 | 3:
                return request("GET", "/api/users?limit=5", token=admin)
            case _:
                return request("GET", "/api/users/me", token=token)

    return make


def _flow(make: Callable[[int], bytes]) -> Flow:
    for number_ in count():
        yield make(number_)


def verify(server: Server) -> None:
    make, seen = _requests(count()), [200] * 10
    seen[0], seen[1] = 404, 401
    for number_, status in enumerate(seen):
        answer = get(server.port, make(number_))
        assert answer.status == status, answer
