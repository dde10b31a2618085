"""What was judged is what runs: without a second matching, and never anything else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, Span, TracerProvider
from opentelemetry.trace.span import INVALID_SPAN_CONTEXT
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import Match
from starlette.types import Scope

from bootstrap import create_app
from shared.access import Authenticated, Public
from shared.access.path_index import PathIndex
from tests.conftest import module_settings, settings_for
from tests.shared.guarded import ask, guarded, scope_of


async def answer() -> str:
    return "answered"


async def other() -> str:
    return "other"


def modules(count: int) -> FastAPI:
    app = FastAPI(openapi_url=None)
    for number in range(count):
        router = APIRouter()
        for path in ("", "/{id}", "/{id}/parts", "/{id}/parts/{part}", "/{id}/open", "/me"):
            router.add_api_route(path, answer)
        app.include_router(router, prefix=f"/api/m{number}")
    return app


def test_a_path_leads_to_as_few_routes_among_many_modules_as_in_one() -> None:
    one, many = (PathIndex(iter_route_contexts(modules(count).routes)) for count in (1, 100))

    for path in ("/api/m0", "/api/m0/me", "/api/m0/7", "/api/m0/7/parts/8", "/api/m0/7/parts/8/9", "/api", "/x"):
        assert many.candidates(path) == one.candidates(path)
    assert [len(many.candidates(path)) for path in ("/api/m99", "/api/m99/me", "/api/m99/7/open", "/api/m100")] == [
        1,
        2,
        1,
        0,
    ]


class Counting(StringConvertor):
    converted = 0

    def convert(self, value: str) -> str:
        Counting.converted += 1
        return value


register_url_convertor("counting", Counting())


async def test_a_request_is_matched_once() -> None:
    router = APIRouter()
    router.add_api_route("/things/{id:counting}", answer)
    app = guarded(lambda app: app.include_router(router, prefix="/api"))
    Counting.converted = 0

    assert (await ask(app, scope_of("/api/things/7"))).told == "answered"
    assert Counting.converted == 1


async def test_a_route_that_is_added_later_stays_closed() -> None:
    router = APIRouter()
    app = guarded(lambda app: app.include_router(router, prefix="/api"))
    app.add_api_route("/late", answer)
    router.add_api_route("/late", answer)

    for path in ("/late", "/api/late"):
        assert (await ask(app, scope_of(path))).status == 404
        assert (await ask(app, scope_of(path) | {"headers": [(b"host", b"test")]})).status == 401


async def test_a_route_that_is_put_in_front_later_does_not_take_its_place() -> None:
    app = guarded(lambda app: app.add_api_route("/thing", answer))
    app.router.routes.insert(0, APIRoute("/thing", other))

    assert (await ask(app, scope_of("/thing"))).told == "answered"


async def test_the_service_runs_what_it_judged() -> None:
    app = create_app(settings_for("sqlite://"), module_settings=module_settings())
    app.router.routes.insert(0, APIRoute("/api/health", other))

    assert (await ask(app, scope_of("/api/health"))).told["code"] == "ok"


@pytest.mark.parametrize("path", ["", "/inner"])
async def test_a_decision_is_not_valid_in_an_application_within_the_application(path: str) -> None:
    inner = guarded(lambda app: app.add_api_route("/thing", answer))
    inner.user_middleware.clear()  # as if its author had forgotten them
    outer = guarded(lambda app: app.mount(path, inner))

    assert (await ask(outer, scope_of(f"{path}/thing"))).status == 403


async def test_within_another_application_everything_works() -> None:
    inner = guarded(lambda app: app.add_api_route("/thing/{id}", other))
    outer = FastAPI()
    outer.mount("/inner", inner)

    assert (await ask(outer, scope_of("/inner/thing/7"))).told == "other"
    assert (await ask(outer, scope_of("/inner/thing"))).status == 404


class OnWeekdays(APIRoute):
    """Decides by more than the path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if scope["query_string"] == b"monday" else (Match.NONE, {})


async def test_a_route_that_matches_in_its_own_way_is_asked() -> None:
    def fill(app: FastAPI) -> None:
        app.router.routes.append(OnWeekdays("/thing", answer, dependencies=[Authenticated()]))
        app.add_api_route("/thing", other)

    app = guarded(fill)

    assert (await ask(app, scope_of("/thing") | {"query_string": b"monday"})).told == "answered"
    assert (await ask(app, scope_of("/thing"))).told == "other"


async def test_a_route_of_a_router_that_matches_in_its_own_way_is_asked() -> None:
    router = APIRouter(route_class=OnWeekdays)
    router.add_api_route("/thing", answer)
    app = guarded(lambda app: app.include_router(router))

    assert (await ask(app, scope_of("/thing") | {"query_string": b"monday"})).told == "answered"
    assert (await ask(app, scope_of("/thing"))).status == 404


def in_a_router(router: APIRouter, **options: Any) -> Callable[[FastAPI], None]:
    async def read(request: Request) -> Response:
        await request.body()
        # Where FastAPI keeps them for its own handlers. Forms themselves need a package that the project has not.
        return Response(json.dumps(request.scope.get("fastapi", {}).get("form_limits", {})))

    router.add_route("/body", read, methods=["POST"])
    outer = APIRouter()
    outer.include_router(router, **options)
    return lambda app: app.include_router(outer)


LIMIT: Any = {"max_fields": 1}


@pytest.mark.parametrize(
    ("app", "status", "form_limits"),
    [
        (guarded(in_a_router(APIRouter())), 200, {}),
        (guarded(in_a_router(APIRouter(max_body_size=2))), 413, None),
        (guarded(in_a_router(APIRouter(), max_body_size=2)), 413, None),
        (guarded(in_a_router(APIRouter(form_limits=LIMIT))), 200, LIMIT),
        (guarded(in_a_router(APIRouter(), form_limits=LIMIT)), 200, LIMIT),
        (guarded(in_a_router(APIRouter()), form_limits=LIMIT), 200, LIMIT),
    ],
)
async def test_the_limits_of_a_router_hold(app: FastAPI, status: int, form_limits: Any) -> None:
    answer = await ask(app, scope_of("/body", "POST"), b"a=1&b=2")

    assert (answer.status, answer.told) == (status, form_limits)


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({}, {}),
        ({}, {"fastapi.telemetry": None}),
        ({"max_body_size": 9}, {}),
    ],
)
async def test_an_unmarked_template_never_runs_in_place_of_a_public_path(options: Any, more: dict[str, Any]) -> None:
    router = APIRouter(**options)
    router.add_api_route("/thing", other, dependencies=[Public("a test")])
    router.add_api_route("/{anything}", answer, methods=["POST"])
    router.add_api_route("/thing", other, methods=["POST"], dependencies=[Public("a test")])
    app = guarded(lambda app: app.include_router(router), dependencies=[])

    found = await ask(app, scope_of("/thing", "POST") | {"headers": [(b"host", b"test")]} | more)

    assert (found.status, found.told) == (401, None)


class Spans(TracerProvider):
    """Keeps the names of the spans."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def get_tracer(self, *_: Any, **__: Any) -> NoOpTracer:
        names = self.names

        class Named(NonRecordingSpan):
            def is_recording(self) -> bool:
                return True

            def update_name(self, name: str) -> None:
                names.append(name)

        class Tracer(NoOpTracer):
            def start_span(self, *_: Any, **__: Any) -> Span:
                return Named(INVALID_SPAN_CONTEXT)

        return Tracer()


async def test_traces_name_the_route() -> None:
    spans = Spans()
    router = APIRouter()
    router.add_api_route("/things/{id}", answer)
    app = guarded(
        lambda app: app.include_router(router, prefix="/api"), telemetry={"tracer_provider": spans, "metrics": False}
    )

    assert (await ask(app, scope_of("/api/things/7"))).told == "answered"
    assert spans.names == ["GET /api/things/{id}"]
