"""Lists: page 1 beside a page a million rows deep, search and filters, and the databases' plans."""

import re
from collections.abc import Iterable
from statistics import median
from types import SimpleNamespace
from urllib.parse import urlencode

import typer

from benchmarks.databases import MARIADB, POSTGRES, SQLITE, ServerAway, database, keep_off_the_servers_core, version
from benchmarks.load import ask_again, get, request
from benchmarks.load import run as run_load
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, spread
from benchmarks.seed import Caller, access_tokens, row_id, seed, user_row
from benchmarks.servers import SECRET, Server, ours, probe
from modules.users import User
from shared.keys import KeyRing
from shared.paging.cursors import Cursors, form_of

ROWS, DEEP = 1_050_000, 1_000_000
QUICK_ROWS, QUICK_DEEP = 3_000, 2_000
SECONDS = 2.0
LIMIT = 20
NEVER = "zzz-nobody"
EVERYBODY = "user"
# The worst case for a search sorted by time: many rows, and none of them among the first.
OLDEST = "user000"
COLUMNS = {"created_at": User.created_at, "email": User.email_key}

Seen = dict[str, list[float]]


def run(options: Options) -> Section:
    rows, deep = (QUICK_ROWS, QUICK_DEEP) if options.quick else (ROWS, DEEP)
    section = Section(f"Lists of {rows:,} users, pages of {LIMIT}")
    section.notes = [
        f"Deep is behind {deep:,} rows. One request after the other; milliseconds, medians (lowest to highest).",
        (
            "`how`: the index that the database says it uses: looked up in, or walked along until the page is full; "
            "`full scan` if it reads the table itself."
        ),
    ]
    for backend in (POSTGRES, MARIADB, SQLITE):
        try:
            with database(backend) as address:
                typer.echo(f"  {backend}: filling", err=True)
                seed(address, users=rows, with_logins=False)
                _measure(section, backend, address, _cases(rows, deep), options)
        except ServerAway as error:
            section.notes.append(f"{backend} was not measured: {error}.")
    return section


def _cases(rows: int, deep: int) -> dict[str, tuple[str, list[int]]]:
    """Each case with its path, and the expected first users of the page, which may have fewer."""
    newest, ascending = range(rows - 1, -1, -1), range(rows)
    inactive = [one for one in ascending if not user_row(one)["is_active"]]
    oldest = [one for one in newest if user_row(one)["email"].startswith(OLDEST)]
    behind: dict[str, object] = {"cursor": _cursor("-created_at", newest[deep - 1])}
    cases: dict[str, tuple[dict[str, object], Iterable[int]]] = {}
    for sort, order in (("-created_at", newest), ("created_at", ascending), ("email", ascending), ("-email", newest)):
        cases[f"sort={sort}, page 1"] = ({"sort": sort}, order[:LIMIT])
        cases[f"sort={sort}, deep"] = (
            {"sort": sort, "cursor": _cursor(sort, order[deep - 1])},
            order[deep : deep + LIMIT],
        )
    cases |= {
        "q: one address": ({"q": Caller(7).email}, [7]),
        "q: one nickname": ({"q": user_row(rows - 1)["nickname"]}, [rows - 1]),
        "q: nothing": ({"q": NEVER}, []),
        "q: nothing, by email": ({"q": NEVER, "sort": "email"}, []),
        "q that all begin with": ({"q": EVERYBODY}, newest[:LIMIT]),
        "q that all begin with, deep": (behind | {"q": EVERYBODY}, newest[deep : deep + LIMIT]),
        "q that all begin with, by email": ({"q": EVERYBODY, "sort": "email"}, ascending[:LIMIT]),
        "q of the oldest tenth": ({"q": OLDEST}, oldest[:LIMIT]),
        "is_active=true": ({"is_active": "true"}, [rows - 1]),
        "is_active=true, deep": (behind | {"is_active": "true"}, [newest[deep]]),
        "is_active=false": ({"is_active": "false"}, inactive[::-1]),
        "is_active=false, by email": ({"is_active": "false", "sort": "email"}, inactive),
        "is_active=false, q that all begin with": ({"is_active": "false", "q": EVERYBODY}, inactive[::-1]),
        "total=true": ({"total": "true"}, [rows - 1]),
    }
    return {
        name: (f"/api/users?{urlencode({'limit': LIMIT} | query)}", list(first))
        for name, (query, first) in cases.items()
    }


def _cursor(sort: str, last: int) -> str:
    """The cursor after a row; asking the service for it would take as many requests as there are pages."""
    column, row = COLUMNS[sort.removeprefix("-")], SimpleNamespace(**user_row(last))
    return Cursors(KeyRing((SECRET,))).write(sort, form_of(column), (getattr(row, column.key), row.id))


def _measure(
    section: Section, backend: str, address: str, cases: dict[str, tuple[str, list[int]]], options: Options
) -> None:
    settings = {"APP_ENV": "test", "DATABASE_URL": address, "JWT_SECRET_KEY": SECRET}
    plans = probe("plans", _token(), *(path for path, _ in cases.values()), variables=settings)
    seen: Seen = {name: [] for name in cases}
    with ours(address) as server:
        verify(server, cases)
        if backend == POSTGRES:
            keep_off_the_servers_core(address)
        for number_ in range(options.rounds):
            typer.echo(f"  {backend}: round {number_ + 1}", err=True)
            for name in cases if number_ % 2 == 0 else reversed(cases):
                content = request("GET", cases[name][0], token=_token())
                took = run_load(ask_again(server.port, content, seconds=0.2 if options.quick else SECONDS))
                seen[name].append(median(took) * 1000)
    rows: list[Row] = [
        [name, spread(seen[name]), ", ".join(found_by(backend, one["plan"]) for one in plans[path])]
        for name, (path, _) in cases.items()
    ]
    section.tables.append(Table((version(address).split(" on ")[0], "ms", "how"), rows))
    for sort in ("-created_at", "created_at", "email", "-email"):
        ratio = [
            deep / first for deep, first in zip(seen[f"sort={sort}, deep"], seen[f"sort={sort}, page 1"], strict=True)
        ]
        dearer = max(median(ratio), 1 / median(ratio))
        section.targets.append(
            Target(f"{backend}, sort={sort}: the dearer of page 1 and deep to the other", dearer, 1.2)
        )
    section.targets.append(
        Target(f"{backend}: searches, filters and pages that read the whole table", _full_scans(rows), 0)
    )
    section.raw[backend] = {"ms": seen, "plans": plans}


def _full_scans(rows: list[Row]) -> int:
    """The queries that read the whole table, except for a count; a page of most rows is full after a few."""
    searches = [(str(name), str(how)) for name, _, how in rows if name != "total=true"]
    return sum(
        "full scan" in how or ("walks" in how and name.startswith(("q: ", "is_active=false"))) for name, how in searches
    )


def found_by(backend: str, plan: list[dict[str, str]]) -> str:
    """The indexes of a plan, searched or only walked along; `full scan` if it reads the table itself."""
    text = "\n".join(" ".join(row.values()) for row in plan)
    if backend == POSTGRES:
        scans, walks = "Seq Scan" in text, "Index Cond" not in text
        indexes = re.findall(r"(?:using|Bitmap Index Scan on) (\w+)", text)
    elif backend == MARIADB:
        stored = [row for row in plan if row["table"] == "users"]  # the others are parts of the result
        types, indexes = {row["type"] for row in stored}, [row["key"] for row in stored if row["key"] != "None"]
        scans, walks = "ALL" in types, types == {"index"}
    else:
        scans, walks = re.search(r"SCAN users(?! USING)", text) is not None, "SEARCH users" not in text
        indexes = re.findall(r"INDEX (\w+)", text)
    return "full scan" if scans else ("walks " if walks else "") + " + ".join(indexes)


def _token() -> str:
    return access_tokens([Caller(0)])[0]


def verify(server: Server, cases: dict[str, tuple[str, list[int]]]) -> None:
    """Check the rows of each page."""
    for name, (path, first) in cases.items():
        answer = get(server.port, request("GET", path, token=_token()))
        assert answer.status == 200, f"{name}: {answer}"
        ids = [item["id"] for item in answer.data["items"]]
        assert ids[: len(first)] == [str(row_id(one)) for one in first], f"{name}: {answer}"
        assert first or not ids, f"{name}: {answer}"
        assert ("total" in answer.data) == (name == "total=true"), f"{name}: {answer}"
