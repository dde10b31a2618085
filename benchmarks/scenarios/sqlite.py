"""SQLite embedded: reads with writers present, beside a hand-written application on the same driver."""

from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.databases import SQLITE, database, version
from benchmarks.load import get, pace, repeated, request
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, spread
from benchmarks.rounds import Variant, measure, ratios
from benchmarks.scenarios.read import verify
from benchmarks.seed import CALLERS, USERS, Caller, access_tokens, callers, plain_tokens, seed
from benchmarks.servers import Server, ServerBlock, ours, peer

PATH = "/api/users/me"
WRITES_A_SECOND = 20
# Users who only write, so that the readers' rows stay unchanged.
WRITERS = [Caller(USERS - 1 - number) for number in range(50)]

Tokens = Callable[[list[Caller]], list[str]]


def run(options: Options) -> Section:
    with database(SQLITE) as address:
        seed(address)
        service = _variant("this project", ours, address, access_tokens)
        limit = _variant("ASGI by hand, raw aiosqlite", partial(peer, "sqlite", "sqlite_raw"), address, plain_tokens)
        notes = measure([service, limit], options)
        found = version(address)
    rows: list[Row] = [
        [
            variant.name,
            spread(variant.values("rate")),
            spread(ratios(variant, limit)),
            spread(variant.values("cpu_us")),
            spread(variant.values("p99_ms")),
            spread(variant.values("beside_rate")),
            spread(variant.values("beside_p99_ms")),
        ]
        for variant in (service, limit)
    ]
    columns = (
        "",
        "reads a second",
        "of the limit",
        "server's CPU microseconds a read",
        "p99 of reads, ms",
        "writes a second",
        "p99 of writes, ms",
    )
    return Section(
        "Embedded SQLite, with writers present",
        [Table(columns, rows)],
        [Target("of a hand-written application", median(ratios(service, limit)), 0.5, at_most=False)],
        [
            (
                f"GET /api/users/me by {CALLERS:,} of {USERS:,} users; meanwhile a client writes up to "
                f"{WRITES_A_SECOND} times a second, one after the other, each write on the disk before it is answered "
                "(WAL, synchronous=FULL in both)."
            ),
            f"SQLite {found}",
            *notes,
        ],
        {variant.name: variant.figures for variant in (service, limit)},
    )


def _variant(name: str, start: Callable[[str], ServerBlock], address: str, tokens: Tokens) -> Variant:
    asking = callers()

    def writes() -> list[bytes]:
        body = {"nickname": "Written"}
        return [request("PATCH", PATH, token=token, body=body) for token in tokens(WRITERS)]

    def check(server: Server) -> None:
        verify(server, asking, tokens)
        written = get(server.port, writes()[0])
        assert written.status == 200, written
        assert written.data["nickname"] == "Written", written
        (token,) = tokens(WRITERS[:1])
        assert get(server.port, request("GET", PATH, token=token)).data == written.data, written

    return Variant(
        name,
        lambda: start(address),
        lambda connections: repeated([request("GET", PATH, token=token) for token in tokens(asking)], connections),
        check,
        address,
        beside=lambda port, seconds: pace(port, writes(), every=1 / WRITES_A_SECOND, seconds=seconds),
    )
