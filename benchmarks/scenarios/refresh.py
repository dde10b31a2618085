"""Refreshes: each takes a token and gives the next one, committed before it is answered."""

from collections.abc import Sequence
from itertools import count

from benchmarks.databases import database
from benchmarks.load import Flow, get, request
from benchmarks.options import Options
from benchmarks.report import Section, Table, Target, spread
from benchmarks.rounds import Variant, measure
from benchmarks.seed import Caller, refresh_token, seed
from benchmarks.servers import WITHOUT_LIMITS, Server, ours

TARGET = 300


def run(options: Options) -> Section:
    with database() as address:
        seed(address)
        # A new session for each connection of each period: the answer to the last request is never read, so the
        # session's next request would be a reuse.
        unused = count()

        def flows(connections: int) -> Sequence[Flow]:
            return [_chain(Caller(next(unused))) for _ in range(connections)]

        def check(server: Server) -> None:
            verify(server, Caller(next(unused)))

        variant = Variant("this project", lambda: ours(address, WITHOUT_LIMITS), flows, check, address)
        notes = measure([variant], options)
    columns = ("refreshes a second", "server's CPU microseconds a refresh", "p50 ms", "p99 ms", "server's core in use")
    figures = ("rate", "cpu_us", "p50_ms", "p99_ms", "busy")
    return Section(
        "Refresh on PostgreSQL",
        [Table(columns, [[spread(variant.values(figure)) for figure in figures]])],
        [Target("refreshes a second on a core", variant.middle("rate"), TARGET, at_most=False)],
        ["A chain of tokens on each connection; without limits, which would refuse this many.", *notes],
        {variant.name: variant.figures},
    )


def _ask(token: str) -> bytes:
    return request("POST", "/api/auth/refresh", body={"refresh_token": token})


def _chain(caller: Caller) -> Flow:
    token = refresh_token(caller)
    while True:
        answer = yield _ask(token)
        if answer.status == 200:  # anything else ends the measurement when it is over
            token = answer.data["refresh_token"]


def verify(server: Server, caller: Caller) -> None:
    """Check that the next token works, and a forged one does not."""
    first = get(server.port, _ask(refresh_token(caller)))
    assert first.status == 200, first
    second = get(server.port, _ask(first.data["refresh_token"]))
    assert second.status == 200, second
    assert second.data["session_id"] == str(caller.session_id), second
    me = get(server.port, request("GET", "/api/users/me", token=second.data["access_token"]))
    assert me.data["email"] == caller.email, me
    forged = get(server.port, _ask(f"{second.data['refresh_token'][:-4]}AAAA"))
    assert forged.status == 401, forged
