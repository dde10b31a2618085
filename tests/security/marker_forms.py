"""Every form in which FastAPI takes a route, and every place at which a marker can stand around it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial, wraps
from itertools import combinations_with_replacement, product
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route, Router, WebSocketRoute

from shared.access import Authenticated, AuthenticatedOr, Public, Requires
from shared.access.markers import Marker

A, B = "a:thing.read", "b:thing.read"
MARKERS: dict[str, Callable[[], Marker]] = {
    "public": lambda: Public("a test"),
    "proof": lambda: AuthenticatedOr("a test"),
    "login": Authenticated,
    A: lambda: Requires(A),
    B: lambda: Requires(B),
}

# From the outside to the inside.
PLACES = ["outer router", "include_router", "inner router", "route", "endpoint"]

Written = dict[str, list[str]]
"""Which markers stand at which place."""


@dataclass(frozen=True)
class Case:
    written: Written

    @property
    def markers(self) -> list[str]:
        """All of them, from the outside to the inside."""
        return [name for place in PLACES for name in self.written.get(place, ())]

    def at(self, place: str) -> list[Marker]:
        return [MARKERS[name]() for name in self.written.get(place, ())]

    def __str__(self) -> str:
        return "; ".join(f"{place}: {', '.join(names)}" for place, names in self.written.items()) or "nothing"


@dataclass(frozen=True)
class Verdict:
    """What must become of a case, worked out by none of the code that decides."""

    is_refused: bool
    opens_for: frozenset[str] = field(default_factory=frozenset)


def verdict(case: Case) -> Verdict:
    markers = case.markers
    for position, inner in enumerate(markers):
        if inner not in {A, B} and {A, B} & set(markers[:position]):
            return Verdict(is_refused=True)
    if markers and markers[-1] in {"public", "proof"}:
        return Verdict(is_refused=False, opens_for=frozenset(CALLERS))
    needed = {A, B} & set(markers)
    return Verdict(
        is_refused=False,
        opens_for=frozenset(name for name, held in CALLERS.items() if held is not None and needed <= held),
    )


CALLERS: dict[str, set[str] | None] = {"nobody": None, "a user": set(), "who holds a": {A}, "who holds b": {B}}
CALLERS["who holds both"] = {A, B}


def cases(form: "Form") -> Iterator[Case]:
    """No marker, one marker at each place, and two at each pair of places."""
    yield Case({})
    places = [place for place in PLACES if place not in form.without]
    first_markers = [name for name in MARKERS if name != B]  # what holds for A before B holds for B before A
    for place, name in product(places, first_markers):
        yield Case({place: [name]})
    for (first, second), (one, other) in product(
        combinations_with_replacement(places, 2), product(first_markers, MARKERS)
    ):
        yield Case({first: [one, other]} if first == second else {first: [one], second: [other]})


async def answer() -> Response:
    return JSONResponse("served")


def plain_answer(request: Request) -> Response:
    return JSONResponse("served")


async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json("served")
    await websocket.close()


class Endpoint(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return plain_answer(request)


class Custom(APIRoute):
    """A route class of a team's own."""


def anew(function: Any) -> Any:
    """A function of its own, which can be marked without marking the others."""

    @wraps(function)
    async def endpoint(*given: Any, **named: Any) -> Any:
        result = function(*given, **named)
        return await result if hasattr(result, "__await__") else result

    return endpoint


def served() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.add_api_route("/", answer)
    app.add_api_websocket_route("/socket", greet)
    return app


@dataclass(frozen=True)
class Form:
    """A way to write a route: it puts one into the router, at this path, whose endpoint is marked by `mark`."""

    add: Callable[[APIRouter, str, list[Marker], Callable[[Any], Any]], Any]
    without: frozenset[str] = frozenset()
    """The places that it has not."""
    asked: str = "GET"
    ending: str = ""


NOT_AT_THE_ROUTE = frozenset({"route"})

FORMS: dict[str, Form] = {
    "get": Form(lambda router, path, own, mark: router.get(path, dependencies=own)(mark(anew(answer)))),
    "marked after": Form(lambda router, path, own, mark: mark(router.get(path, dependencies=own)(anew(answer)))),
    "api_route": Form(
        lambda router, path, own, mark: router.api_route(path, methods=["PUT", "POST"], dependencies=own)(
            mark(anew(answer))
        ),
        asked="POST",
    ),
    "add_api_route": Form(
        lambda router, path, own, mark: router.add_api_route(path, mark(anew(answer)), dependencies=own)
    ),
    "wrapped": Form(
        lambda router, path, own, mark: router.add_api_route(path, anew(mark(anew(answer))), dependencies=own)
    ),
    "partial": Form(
        lambda router, path, own, mark: router.add_api_route(
            path, partial(mark(anew(answer))), name="partial", dependencies=own
        )
    ),
    "own route class": Form(
        lambda router, path, own, mark: router.add_api_route(
            path, mark(anew(answer)), dependencies=own, route_class_override=Custom
        )
    ),
    "APIRoute in the list": Form(
        lambda router, path, own, mark: router.routes.append(APIRoute(path, mark(anew(answer)), dependencies=own))
    ),
    "own class in the list": Form(
        lambda router, path, own, mark: router.routes.append(Custom(path, mark(anew(answer)), dependencies=own))
    ),
    "route": Form(lambda router, path, _, mark: router.route(path)(mark(anew(plain_answer))), without=NOT_AT_THE_ROUTE),
    "Route in the list": Form(
        lambda router, path, _, mark: router.routes.append(Route(path, mark(anew(plain_answer)))),
        without=NOT_AT_THE_ROUTE,
    ),
    "Route with middleware": Form(
        lambda router, path, _, mark: router.routes.append(
            Route(path, mark(anew(plain_answer)), middleware=[Middleware(GZipMiddleware)])
        ),
        without=NOT_AT_THE_ROUTE,
    ),
    "endpoint class": Form(
        lambda router, path, _, mark: router.add_route(path, mark(type("Endpoint", (Endpoint,), {}))),
        without=NOT_AT_THE_ROUTE,
    ),
    "websocket": Form(
        lambda router, path, own, mark: router.websocket(path, dependencies=own)(mark(anew(greet))), asked="WEBSOCKET"
    ),
    "add_api_websocket_route": Form(
        lambda router, path, own, mark: router.add_api_websocket_route(path, mark(anew(greet)), dependencies=own),
        asked="WEBSOCKET",
    ),
    "APIWebSocketRoute in the list": Form(
        lambda router, path, own, mark: router.routes.append(
            APIWebSocketRoute(path, mark(anew(greet)), dependencies=own)
        ),
        asked="WEBSOCKET",
    ),
    "websocket_route": Form(
        lambda router, path, _, mark: router.websocket_route(path)(mark(anew(greet))),
        without=NOT_AT_THE_ROUTE,
        asked="WEBSOCKET",
    ),
    "WebSocketRoute in the list": Form(
        lambda router, path, _, mark: router.routes.append(WebSocketRoute(path, mark(anew(greet)))),
        without=NOT_AT_THE_ROUTE,
        asked="WEBSOCKET",
    ),
    "mount": Form(
        lambda router, path, _, mark: router.mount(path, mark(served())), without=NOT_AT_THE_ROUTE, ending="/"
    ),
    "socket in a mount": Form(
        lambda router, path, _, mark: router.mount(path, mark(served())),
        without=NOT_AT_THE_ROUTE,
        asked="WEBSOCKET",
        ending="/socket",
    ),
    "mount within middleware": Form(
        lambda router, path, _, mark: router.mount(path, GZipMiddleware(mark(served()))),
        without=NOT_AT_THE_ROUTE,
        ending="/",
    ),
    "Mount in the list": Form(
        lambda router, path, _, mark: router.routes.append(
            Mount(path, mark(Starlette(routes=[Route("/", plain_answer)])), middleware=[Middleware(GZipMiddleware)])
        ),
        without=NOT_AT_THE_ROUTE,
        ending="/",
    ),
    "host": Form(
        lambda router, path, _, mark: router.host(
            f"{path.strip('/')}.test", mark(Router([Route("/{path:path}", plain_answer)]))
        ),
        without=NOT_AT_THE_ROUTE,
    ),
}


def written_into(app: FastAPI, form: Form, numbered: Iterable[tuple[int, Case]]) -> None:
    """Two routers, one within the other, for each case."""
    for number, case in numbered:
        inner, outer = APIRouter(dependencies=case.at("inner router")), APIRouter(dependencies=case.at("outer router"))

        def mark(endpoint: Any, case: Case = case) -> Any:
            for marker in case.at("endpoint"):
                endpoint = marker.mark(endpoint)
            return endpoint

        form.add(inner, f"/case{number}", case.at("route"), mark)
        outer.include_router(inner, prefix="/inner", dependencies=case.at("include_router"))
        app.include_router(outer)
