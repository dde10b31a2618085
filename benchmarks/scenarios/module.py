"""A team's module: the notes of the README, unchanged, beside the limit and the peers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, ClassVar
from uuid import UUID

from benchmarks.databases import database, execute, version
from benchmarks.load import Answer, get, repeated, request
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, spread
from benchmarks.rounds import Variant, measure, ratios
from benchmarks.seed import USERS, Caller, access_tokens, callers, plain_tokens, row_id, seed
from benchmarks.servers import Server, ours, peer
from benchmarks.team import project_with_notes

NOTES_EACH = 25
LONGEST = 500
TOO_LONG = (422, 400)  # 400 is Litestar's
# A user whose notes are not used for measuring.
STRANGER = Caller(USERS - 1)


@dataclass(frozen=True)
class Work:
    """The request, which is the same for every variant."""

    name: str
    method: str
    path: str
    of_the_limit: float
    times_fastapi: float
    status: int = 200
    p99_ms: float | None = None

    def request_of(self, caller: Caller, token: str) -> bytes:
        body = None if self.method == "GET" else {"text": "Buy milk, and bread, and whatever else there is."}
        return request(self.method, self.path.format(note_id=note_id(caller, 3)), token=token, body=body)


WORKS = (
    Work("list of 20 rows", "GET", "/api/notes/latest", 0.40, 2.2, p99_ms=12),
    Work("page of 20 rows", "GET", "/api/notes", 0.36, 2.0),
    Work("create a row", "POST", "/api/notes", 0.40, 1.5, status=201),
    Work("change a row", "PUT", "/api/notes/{note_id}", 0.40, 1.5),
)
TIMES_LITESTAR = 3.5

Peer = tuple[str, Callable[..., Any], Any]


def run(options: Options) -> Section:
    section = Section("A team's module: the notes of the README")
    with database() as address, project_with_notes(address) as root:
        seed(address)
        _seed_notes(address)
        for work in WORKS:
            variants = [_variant(work, address, *peer) for peer in _peers(root)]
            notes = measure(variants, options)
            _report(section, work, variants)
        section.notes = [
            (
                "Medians of rounds (lowest to highest). This project checks the session of every request and writes an "
                "access log; the others check the signature of the token. Each variant commits before it answers."
            ),
            (
                "Verified before measuring, for each variant: the rows of the caller and nobody else's, in order; a "
                "text that is too long, a stranger's note and a request without a token are refused; what was written "
                "is in the database."
            ),
            *notes,
            version(address),
        ]
    return section


def note_id(caller: Caller, number: int) -> UUID:
    return row_id(caller.number * NOTES_EACH + number, "a")


def _seed_notes(address: str) -> None:
    everybody = [*callers(), STRANGER]
    rows = [
        f"('{note_id(caller, number)}', '{caller.user_id}', 'Note {number} of {caller.number}')"
        for caller in everybody
        for number in range(NOTES_EACH)
    ]
    execute(address, f"INSERT INTO notes (id, user_id, text) VALUES {', '.join(rows)}", "VACUUM ANALYZE notes")


def _peers(root: Path) -> list[Peer]:
    return [
        ("this project", partial(ours, root=root), access_tokens),
        ("the limit: ASGI by hand, raw asyncpg", partial(peer, "raw", "raw"), plain_tokens),
        ("FastAPI, as its documentation shows", partial(peer, "fastapi", "fastapi_app"), plain_tokens),
        ("Litestar + Advanced Alchemy", partial(peer, "litestar", "litestar_notes"), plain_tokens),
    ]


def _variant(work: Work, address: str, name: str, start: Callable[..., Any], tokens: Any) -> Variant:
    def flows(connections: int) -> Any:
        asking = callers()
        given = tokens(asking)
        requests = [work.request_of(caller, token) for caller, token in zip(asking, given, strict=True)]
        return repeated(requests, connections)

    def check(server: Server) -> None:
        trial = Trial(work, server, address, *tokens([Trial.caller, STRANGER]))
        trial.refuses_a_request_without_a_token()
        if work.method == "GET":
            trial.shows_the_callers_rows()
        else:
            trial.writes_to_the_database()
            trial.refuses_what_is_too_long()
        if work.method == "PUT":
            trial.refuses_a_strangers_note()

    return Variant(name, lambda: start(address), flows, check, address, status=work.status)


@dataclass(frozen=True)
class Trial:
    """Checks that a variant does the work, before it is measured."""

    work: Work
    server: Server
    address: str
    token: str
    strangers_token: str
    caller: ClassVar[Caller] = callers()[7]

    @property
    def path(self) -> str:
        return self.work.path.format(note_id=note_id(self.caller, 3))

    def refuses_a_request_without_a_token(self) -> None:
        self._assert_status(request(self.work.method, self.path), 401)

    def shows_the_callers_rows(self) -> None:
        query = f"SELECT id, text FROM notes WHERE user_id = '{self.caller.user_id}' ORDER BY id LIMIT 20"
        rows = [{"id": str(id_), "text": text} for id_, text in execute(self.address, query)]
        items = self._items(self.caller, self.token)
        assert items == rows, f"{self.server.name}: {items} are not {rows}"
        ids = {one["id"] for one in self._items(STRANGER, self.strangers_token)}
        assert len(ids) == len(rows), f"{self.server.name}: a stranger's notes are {ids}"
        assert not ids & {one["id"] for one in items}, f"{self.server.name}: somebody else's notes"

    def writes_to_the_database(self) -> None:
        answer = self._assert_status(self.work.request_of(self.caller, self.token), self.work.status)
        query = f"SELECT user_id, text FROM notes WHERE id = '{answer.data['id']}'"
        written = [(str(user_id), text) for user_id, text in execute(self.address, query)]
        assert written == [(str(self.caller.user_id), answer.data["text"])], f"{self.server.name}: {written}"

    def refuses_what_is_too_long(self) -> None:
        body = {"text": "x" * (LONGEST + 1)}
        self._assert_status(request(self.work.method, self.path, token=self.token, body=body), *TOO_LONG)

    def refuses_a_strangers_note(self) -> None:
        self._assert_status(self.work.request_of(self.caller, self.strangers_token), 404)

    def _items(self, caller: Caller, token: str) -> list[dict[str, Any]]:
        answer = self._assert_status(self.work.request_of(caller, token), self.work.status)
        assert answer.json["code"] == "ok", f"{self.server.name}: {answer}"
        assert answer.json["request_id"], f"{self.server.name}: {answer}"
        items: list[dict[str, Any]] = answer.data if isinstance(answer.data, list) else answer.data["items"]
        return items

    def _assert_status(self, content: bytes, *expected: int) -> Answer:
        answer = get(self.server.port, content)
        assert answer.status in expected, f"{self.server.name}: {answer}"
        return answer


def _report(section: Section, work: Work, variants: list[Variant]) -> None:
    service, limit, fastapi, litestar = variants
    rows: list[Row] = [
        [
            variant.name,
            spread(variant.values("rate")),
            spread(ratios(variant, limit)),
            spread(variant.values("cpu_us")),
            spread(variant.values("p50_ms")),
            spread(variant.values("p99_ms")),
        ]
        for variant in variants
    ]
    columns = ("", "requests a second", "of the limit", "server's CPU microseconds a request", "p50 ms", "p99 ms")
    section.tables.append(Table((work.name, *columns[1:]), rows))
    section.targets += [
        Target(f"{work.name}: of the limit", median(ratios(service, limit)), work.of_the_limit, at_most=False),
        Target(f"{work.name}: times FastAPI", median(ratios(service, fastapi)), work.times_fastapi, at_most=False),
        Target(f"{work.name}: times Litestar", median(ratios(service, litestar)), TIMES_LITESTAR, at_most=False),
    ]
    if work.p99_ms is not None:
        section.targets.append(Target(f"{work.name}: p99", service.middle("p99_ms"), work.p99_ms, unit=" ms"))
    section.raw |= {f"{work.name}, {variant.name}": variant.figures for variant in variants}
