"""Logins: as many as the core can hash, the effect of a flood of them on other requests, and its refusal."""

import asyncio
from contextlib import suppress
from statistics import median

import typer

from benchmarks.databases import database, keep_off_the_servers_core
from benchmarks.load import Sample, arrive, drive, get, pace, repeated, request
from benchmarks.load import run as run_load
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, number, spread
from benchmarks.seed import PASSWORD, Caller, access_tokens, bcrypt_cost, callers, seed
from benchmarks.servers import WITHOUT_LIMITS, Server, ours, probe

LOGIN_CONNECTIONS = 8
FLOOD = 10
PROBE_EVERY_SECONDS = 0.01
# A login takes a quarter of a second: a short period has too few of them to count.
SHORTEST_SECONDS = 12.0
REFUSED = 503
FILLING_DEADLINE_SECONDS = 60.0

Figures = dict[str, float]


def run(options: Options) -> Section:
    rounds: list[Figures] = []
    with database() as address:
        seed(address)
        for number_ in range(options.rounds):
            figures = _hashes(options)
            with ours(address, WITHOUT_LIMITS) as server:
                if number_ == 0:
                    verify(server)
                figures |= _logins(server, options, address)
            # A new process, since logins are still queued in this one.
            with ours(address, WITHOUT_LIMITS | ({"AUTH_HASH_QUEUE": "4"} if options.quick else {})) as server:
                figures |= run_load(_flooded(server, options, figures["hashes"]))
            rounds.append(figures)
            typer.echo(f"  round {number_ + 1}: {number(figures['logins'])} logins a second", err=True)
    return _section(rounds)


def _hashes(options: Options) -> Figures:
    return {"hashes": probe("hashing", str(bcrypt_cost()), str(_seconds(options)))["rate"]}


def _logins(server: Server, options: Options, address: str) -> Figures:
    requests = [_login(caller) for caller in callers()]
    flows = repeated(requests, LOGIN_CONNECTIONS)
    run_load(drive(server.port, repeated([_me()], 1), seconds=0.1))
    keep_off_the_servers_core(address)
    sample = run_load(drive(server.port, flows, seconds=_seconds(options), warm_up=1.0))
    sample.require_only()
    return {"logins": sample.rate}


async def _flooded(server: Server, options: Options, capacity: float) -> Figures:
    seconds = 3.0 if options.quick else max(options.seconds, 8.0)
    idle = await pace(server.port, [_me()], every=PROBE_EVERY_SECONDS, seconds=seconds)
    idle_full = await drive(server.port, repeated([_me()], options.connections), seconds=seconds)
    seen = Sample(0.0, 0.0)
    wrong = [request("POST", "/api/auth/login", body=_body(one) | {"password": "not it"}) for one in callers()]
    flood = asyncio.create_task(arrive(server.port, wrong, every=1 / (FLOOD * capacity), seen=seen))
    try:
        async with asyncio.timeout(FILLING_DEADLINE_SECONDS):
            while not seen.count(REFUSED):  # noqa: ASYNC110 - until the queue is full, which only an answer shows
                await asyncio.sleep(0.1)
        flooded = await pace(server.port, [_me()], every=PROBE_EVERY_SECONDS, seconds=seconds)
        refused = seen.quantile_ms(0.99, REFUSED)
        full = await drive(server.port, repeated([_me()], options.connections), seconds=seconds)
    finally:
        flood.cancel()
        with suppress(asyncio.CancelledError):
            await flood
    for sample in (idle, idle_full, flooded, full):
        sample.require_only()
    return {
        "idle_p99_ms": idle.quantile_ms(0.99),
        "flooded_p99_ms": flooded.quantile_ms(0.99),
        "busy_p99_ms": idle_full.quantile_ms(0.99),
        "busy_flooded_p99_ms": full.quantile_ms(0.99),
        "busy_rate": idle_full.rate,
        "busy_flooded_rate": full.rate,
        "refused_p99_ms": refused,
    }


def _section(rounds: list[Figures]) -> Section:
    def values(figure: str) -> list[float]:
        return [one[figure] for one in rounds]

    share = [one["logins"] / one["hashes"] for one in rounds]
    allowed = 2 * median(values("idle_p99_ms")) + 10
    shown = {
        f"bcrypt checks at cost {bcrypt_cost()}, a second": "hashes",
        "logins a second": "logins",
        "p99 of GET /api/users/me, 100 a second, ms": "idle_p99_ms",
        "the same under the flood": "flooded_p99_ms",
        "p99 with every connection busy, ms": "busy_p99_ms",
        "the same under the flood ": "busy_flooded_p99_ms",
        "its requests a second": "busy_rate",
        "the same under the flood  ": "busy_flooded_rate",
        "p99 of refusing a login, ms": "refused_p99_ms",
    }
    rows: list[Row] = [[name, spread(values(figure))] for name, figure in shown.items()]
    return Section(
        "Login",
        [Table(("", "median (lowest to highest)"), rows)],
        [
            Target("of the rate at which the core can hash", median(share), 0.9, at_most=False),
            Target(
                "p99 of GET /api/users/me under the flood; 2 x idle plus 10 ms",
                median(values("flooded_p99_ms")),
                allowed,
                unit=" ms",
            ),
            Target("to refuse an excess login", median(values("refused_p99_ms")), 50, unit=" ms"),
        ],
        [
            (
                f"The flood: {FLOOD} times as many logins a second as the core can hash, each by a client of its own, "
                "without limits; measured once the queue of hashes is full."
            ),
            "Hashes and service have the same one core.",
        ],
        {"rounds": rounds},
    )


def _seconds(options: Options) -> float:
    return 3.0 if options.quick else max(options.seconds, SHORTEST_SECONDS)


def _body(caller: Caller) -> dict[str, str]:
    return {"email": caller.email, "password": PASSWORD}


def _login(caller: Caller) -> bytes:
    return request("POST", "/api/auth/login", body=_body(caller))


def _me() -> bytes:
    return request("GET", "/api/users/me", token=access_tokens([Caller(1)])[0])


def verify(server: Server) -> None:
    """Check that the right password opens a session that works, and a wrong one does not."""
    caller = Caller(2)
    answer = get(server.port, _login(caller))
    assert answer.status == 200, answer
    me = get(server.port, request("GET", "/api/users/me", token=answer.data["access_token"]))
    assert me.data["email"] == caller.email, me
    wrong = get(server.port, request("POST", "/api/auth/login", body=_body(caller) | {"password": "not it"}))
    assert wrong.status == 401, wrong
