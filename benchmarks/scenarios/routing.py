"""Many modules: routing, first requests, start and OpenAPI, with up to 200 modules of ten routes."""

from statistics import median
from uuid import UUID

from benchmarks.databases import database
from benchmarks.generated import ROUTES, name_of, project
from benchmarks.load import fetch
from benchmarks.load import run as run_load
from benchmarks.options import Options
from benchmarks.report import Row, Section, Table, Target, spread
from benchmarks.servers import SECRET, ours, probe

SIZES = (10, 50, 200)
QUICK_SIZES = (2, 5)
UNKNOWN = "/api/nowhere/at/all"
ASKED = 10

Figures = dict[str, float]


def run(options: Options) -> Section:
    sizes = QUICK_SIZES if options.quick else SIZES
    rounds: dict[int, list[Figures]] = {size: [] for size in sizes}
    with database() as address:
        for size in sizes:
            with project(size) as root:
                for _ in range(options.rounds):
                    first, last = _path(0), _path(size - 1)
                    settings = {"APP_ENV": "test", "DATABASE_URL": address, "JWT_SECRET_KEY": SECRET}
                    figures: Figures = probe("routing", first, last, UNKNOWN, root=root, variables=settings)
                    with ours(address, root=root) as server:
                        figures["start_ms"] = server.start_seconds * 1000
                        figures |= run_load(_cold(server.port, size))
                    rounds[size].append(figures)
    return _section(rounds)


def _path(number: int) -> str:
    return f"/api/{name_of(number)}/{UUID(int=0)}/ping"


async def _cold(port: int, size: int) -> Figures:
    """The slowest of the first requests to some modules, and of the second ones."""
    await fetch(port, _get("/api/health"))
    cold, warm = [], []
    for number in range(0, size, max(1, size // ASKED)):
        answer, took = await fetch(port, _get(_path(number)))
        assert answer.status == 200, answer
        assert answer.data == {"id": str(UUID(int=0)), "title": "pong"}, answer
        cold.append(took * 1000)
        warm.append((await fetch(port, _get(_path(number))))[1] * 1000)
    return {"cold_ms": max(cold), "warm_ms": max(warm)}


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def _section(rounds: dict[int, list[Figures]]) -> Section:
    def values(size: int, figure: str) -> list[float]:
        return [one[figure] for one in rounds[size]]

    shown = {
        "matching the first route, ms": "match_first_ms",
        "matching the last route, ms": "match_last_ms",
        "matching an unknown path, ms": "match_unknown_ms",
        "a whole request to the first route, ms": "request_first_ms",
        "a whole request to the last route, ms": "request_last_ms",
        "a whole request to an unknown path, ms": "request_unknown_ms",
        "first request to a cold module, the slowest of ten, ms": "cold_ms",
        "second request to each, the slowest of ten, ms": "warm_ms",
        "start-up, ms": "start_ms",
        "of that create_app(), ms": "create_app_ms",
        "OpenAPI, ms": "openapi_ms",
        "OpenAPI again, ms": "openapi_again_ms",
    }
    rows: list[Row] = [[name, *(spread(values(size, figure)) for size in rounds)] for name, figure in shown.items()]
    smallest, largest = min(rounds), max(rounds)

    def middle(figure: str, size: int = largest) -> float:
        return median(values(size, figure))

    matching = [one["match_last_ms"] / one["match_first_ms"] for one in rounds[largest]]
    requests = [one["request_last_ms"] / one["request_first_ms"] for one in rounds[largest]]
    a_module = (middle("start_ms") - middle("start_ms", smallest)) / (largest - smallest)
    return Section(
        f"Modules of {ROUTES} routes",
        [Table(("", *(f"{size} modules" for size in rounds)), rows)],
        [
            Target("matching the last route, to the first", median(matching), 1.2),
            Target("a whole request to the last route, to the first", median(requests), 1.2),
            Target("matching an unknown path", middle("match_unknown_ms"), 0.1, unit=" ms"),
            Target("first request to a cold module", middle("cold_ms"), 20, unit=" ms"),
            Target("start-up", middle("start_ms"), 5_000, unit=" ms"),
            Target("start-up, for each module", a_module, 15, unit=" ms"),
            Target("OpenAPI", middle("openapi_ms"), 2_000, unit=" ms"),
        ],
        [
            (
                "Matching decides who may ask, and what runs: a request is matched once. The routes asked for are "
                "public, so no database is in it; an unknown path is answered 401 without a token."
            ),
            "Start-up: from the command to the line that says the server runs.",
        ],
        {str(size): figures for size, figures in rounds.items()},
    )
