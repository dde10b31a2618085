"""The authenticated read: `GET /api/users/me` beside the limit and the peers, on the same rows."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.databases import database, execute, version
from benchmarks.load import get, repeated, request
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, spread
from benchmarks.rounds import Variant, measure, ratios
from benchmarks.seed import CALLERS, USERS, Caller, access_tokens, callers, plain_tokens, seed
from benchmarks.servers import Server, environment, ours, peer
from modules.auth.sessions.tokens import REMEMBERED
from modules.users.schemas import UserRead

PATH = "/api/users/me"
CHECKED = 20
# The caller whose session is ended to check that this takes effect at once; not used for measuring.
LEAVER = Caller(USERS - 1)
# In turn, so that a token has left the cache when it comes again.
EVERYBODY = callers(USERS - 1)
assert len(EVERYBODY) > REMEMBERED

# The tables of fastapi-users: the same contents in its own columns, and a token for each user, for tokens in rows.
FASTAPI_USERS_TABLES = (
    (
        "CREATE TABLE fu_user AS SELECT id, email, 'x'::varchar(1024) AS hashed_password, is_active, "
        "false AS is_superuser, email_verified AS is_verified, nickname, created_at, updated_at FROM users"
    ),
    "ALTER TABLE fu_user ADD PRIMARY KEY (id)",
    "CREATE UNIQUE INDEX ON fu_user (email)",
    "CREATE TABLE accesstoken AS SELECT 'token-' || id AS token, id AS user_id, now() AS created_at FROM users",
    "ALTER TABLE accesstoken ADD PRIMARY KEY (token)",
    "CREATE INDEX ON accesstoken (created_at)",
    "ANALYZE",
)


def run(options: Options) -> Section:
    with database() as address:
        seed(address)
        execute(address, *FASTAPI_USERS_TABLES)
        variants = _variants(address)
        notes = measure(variants, options)
        return _section(variants, [*notes, version(address)])


def _variants(address: str) -> list[Variant]:
    fastapi_users = environment("fastapi_users")
    return [
        _variant("this project", ours, address, access_tokens, "rows", end=_end_our_session),
        _variant("this project, more tokens than it remembers", ours, address, access_tokens, "rows", asking=EVERYBODY),
        _variant("the limit: ASGI by hand, raw asyncpg", partial(peer, "raw", "raw"), address, plain_tokens),
        _variant("Litestar + Advanced Alchemy", partial(peer, "litestar", "litestar_app"), address, plain_tokens),
        _variant("django-ninja", partial(peer, "ninja", "ninja_app"), address, plain_tokens),
        _variant("fastapi-users, JWT", _fastapi_users("jwt", fastapi_users), address, plain_tokens),
        _variant(
            "fastapi-users, tokens as rows",
            _fastapi_users("database", fastapi_users),
            address,
            _token_rows,
            "rows",
            end=_end_token_row,
        ),
    ]


def _fastapi_users(strategy: str, python: Path) -> Any:
    return partial(peer, "fastapi-users", "fastapi_users_app", variables={"BENCH_STRATEGY": strategy}, python=python)


def _variant(  # noqa: PLR0913 - the differences between variants
    name: str,
    start: Any,
    address: str,
    tokens: Any,
    sessions: str = "none",
    *,
    end: Any = None,
    asking: Sequence[Caller] = tuple(callers()),
) -> Variant:
    def flows(connections: int) -> Any:
        return repeated([request("GET", PATH, token=token) for token in tokens(asking)], connections)

    def check(server: Server) -> None:
        verify(server, asking, tokens)
        if end is not None:
            (token,) = tokens([LEAVER])
            assert get(server.port, request("GET", PATH, token=token)).status == 200
            end(address)
            assert get(server.port, request("GET", PATH, token=token)).status == 401, f"{name}: an ended session"

    return Variant(name, lambda: start(address), flows, check, address, sessions)


def verify(server: Server, asking: Sequence[Caller], tokens: Any) -> None:
    """Check that a variant does the work, before it is measured."""
    name, some = server.name, asking[:: len(asking) // CHECKED]
    for caller, token in zip(some, tokens(some), strict=True):
        answer = get(server.port, request("GET", PATH, token=token))
        assert answer.status == 200, f"{name}: {answer}"
        assert answer.json.keys() == {"code", "message", "data", "request_id"}, f"{name}: {answer}"
        assert answer.json["code"] == "ok", f"{name}: {answer}"
        assert answer.json["request_id"], f"{name}: {answer}"
        assert _read(answer.data) == caller.row, f"{name}: {answer} is not {caller.row}"
        assert answer.data.keys() == UserRead.model_fields.keys(), f"{name}: {answer}"
    (token,) = tokens(some[:1])
    forged = f"{token[:-9]}{'A' if token[-9] != 'A' else 'B'}{token[-8:]}"
    for wrong in (forged, "x.y.z", None):
        status = get(server.port, request("GET", PATH, token=wrong)).status
        assert status == 401, f"{name}: {status} with the token {wrong}"


def _read(data: dict[str, Any]) -> dict[str, Any]:
    times = ("created_at", "updated_at")
    return data | {field: datetime.fromisoformat(data[field]) for field in times}


def _end_our_session(address: str) -> None:
    execute(address, f"UPDATE auth_sessions SET revoked_at = now() WHERE id = '{LEAVER.session_id}'")


def _token_rows(some: list[Caller]) -> list[str]:
    return [f"token-{caller.user_id}" for caller in some]


def _end_token_row(address: str) -> None:
    execute(address, f"DELETE FROM accesstoken WHERE user_id = '{LEAVER.user_id}'")


def _section(variants: list[Variant], notes: list[str]) -> Section:
    service, unremembered, limit, litestar, _, fastapi_users, _ = variants
    load = max(one["client_cpu_us"] * one["rate"] / 1e6 for variant in variants for one in variant.figures)
    rows: list[Row] = [
        [
            variant.name,
            spread(variant.values("rate")),
            spread(ratios(variant, limit)),
            spread(variant.values("cpu_us")),
            spread(variant.values("p50_ms")),
            spread(variant.values("p99_ms")),
            f"{variant.middle('busy'):.0%}",
            variant.middle("client_cpu_us"),
            variant.sessions,
        ]
        for variant in variants
    ]
    columns = (
        "",
        "requests a second",
        "of the limit",
        "server's CPU microseconds a request",
        "p50 ms",
        "p99 ms",
        "server's core in use",
        "load's CPU microseconds a request",
        "sessions",
    )
    return Section(
        "The authenticated read: GET /api/users/me",
        [Table(columns, rows)],
        [
            Target("of the limit", median(ratios(service, limit)), 0.35, at_most=False),
            Target("of the limit, every signature checked", median(ratios(unremembered, limit)), 0.35, at_most=False),
            Target("times Litestar + Advanced Alchemy", median(ratios(service, litestar)), 2.3, at_most=False),
            Target("times fastapi-users", median(ratios(service, fastapi_users)), 3.5, at_most=False),
            Target("p99", service.middle("p99_ms"), 20, unit=" ms"),
        ],
        [
            f"Medians of rounds (lowest to highest). {USERS:,} users in the table, {CALLERS:,} of them ask in turn.",
            (
                f"A worker remembers {REMEMBERED:,} tokens whose signatures it has checked. In the second line "
                f"{len(EVERYBODY):,} users ask in turn, and each signature is checked each time."
            ),
            (
                "Verified before measuring, for each variant: the same rows and fields; a forged token and none are "
                "refused; where sessions are rows, an ended one is refused. Where there are none, a token is good "
                "until it expires."
            ),
            "Peers run without an access log, which this project writes.",
            f"The load, written for this, took at most {load:.0%} of its core, which PostgreSQL shares with it.",
            *notes,
        ],
        {variant.name: variant.figures for variant in variants},
    )
