"""A marker that stands where nobody would ask it stops the start: it is never silently without effect."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response, Security, WebSocket
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route, Router
from typing_extensions import TypeAliasType

from shared.access import Authenticated, AuthenticatedOr, Caller, Public, Requires
from shared.access.markers import Marker
from shared.module import ModuleError
from tests.shared.guarded import ask, guarded, scope_of

A = "a:thing.read"
MARKERS: list[Marker] = [Requires(A), Authenticated(), AuthenticatedOr("a test"), Public("a test")]


def nothing() -> None: ...


def asks(marker: Marker) -> Any:
    def dependency(_: Annotated[None, marker]) -> None: ...

    return dependency


def asks_by_default(marker: Marker) -> Any:
    def dependency(_: None = marker) -> None: ...  # type: ignore[assignment]  # how FastAPI is told without Annotated

    return dependency


def depends_on(dependency: Any) -> Any:
    def further(_: Annotated[None, Depends(dependency)]) -> None: ...

    return further


def class_that_asks(marker: Marker) -> Any:
    class Dependency:
        def __init__(self, _: Annotated[None, marker]) -> None: ...

    return Dependency


def object_that_asks(marker: Marker) -> Any:
    class Dependency:
        def __call__(self, _: Annotated[None, marker]) -> None: ...

    return Dependency()


def generator_that_asks(marker: Marker) -> Any:
    async def dependency(_: Annotated[None, marker]) -> Any:
        yield

    return dependency


DEPENDENCIES: dict[str, Callable[[Marker], Any]] = {
    "a parameter": asks,
    "a default": asks_by_default,
    "deep down": lambda marker: depends_on(depends_on(depends_on(asks(marker)))),
    "a class": class_that_asks,
    "an object": object_that_asks,
    "a generator": generator_that_asks,
    "a partial": lambda marker: partial(asks(marker)),
    "a marked function": lambda marker: marker.mark(depends_on(nothing)),
    "the marker": lambda marker: marker,
    "its class": type,
}


def of_the_route(router: APIRouter, dependency: Any) -> None:
    router.add_api_route("/thing", nothing, dependencies=[dependency])


def of_the_router(router: APIRouter, dependency: Any) -> None:
    router.dependencies.append(dependency)
    router.add_api_route("/thing", nothing)


def of_the_router_of_a_mount(router: APIRouter, dependency: Any) -> None:
    router.dependencies.append(dependency)
    router.mount("/thing", FastAPI())


def of_the_router_of_a_listed_route(router: APIRouter, dependency: Any) -> None:
    router.dependencies.append(dependency)
    router.routes.append(APIRoute("/thing", nothing))


def of_an_inclusion(router: APIRouter, dependency: Any) -> None:
    inner = APIRouter()
    inner.add_api_route("/thing", nothing)
    router.include_router(inner, dependencies=[dependency])


def of_the_endpoint(router: APIRouter, dependency: Any) -> None:
    def endpoint(_: Annotated[None, dependency]) -> None: ...

    router.add_api_route("/thing", endpoint)


def of_the_endpoint_by_default(router: APIRouter, dependency: Any) -> None:
    def endpoint(_: Any = dependency) -> None: ...

    router.add_api_route("/thing", endpoint)


def of_a_websocket(router: APIRouter, dependency: Any) -> None:
    async def endpoint(websocket: WebSocket, _: Annotated[None, dependency]) -> None: ...

    router.add_api_websocket_route("/thing", endpoint)


PLACES = [
    of_the_route,
    of_the_router,
    of_the_router_of_a_mount,
    of_the_router_of_a_listed_route,
    of_an_inclusion,
    of_the_endpoint,
    of_the_endpoint_by_default,
    of_a_websocket,
]


def refuse(router: APIRouter, message: str) -> None:
    with pytest.raises(ModuleError, match=message):
        guarded(lambda app: app.include_router(router, prefix="/api"), dependencies=[])


@pytest.mark.parametrize("marker", MARKERS, ids=repr)
@pytest.mark.parametrize("kind", [Depends, Security])
@pytest.mark.parametrize("place", PLACES)
def test_item_49_a_marker_in_a_dependency_is_refused(
    place: Callable[[APIRouter, Any], None], kind: Callable[[Any], Any], marker: Marker
) -> None:
    for make, around in product(DEPENDENCIES.values(), [[], [Authenticated()], [Requires(A)]]):
        router = APIRouter(dependencies=around)
        place(router, kind(make(marker)))
        refuse(router, "put it into `dependencies")


def asking(annotation: Any, *dependencies: Any) -> APIRouter:
    def endpoint(parameter: annotation) -> None: ...

    router = APIRouter(dependencies=dependencies)
    router.add_api_route("/thing", endpoint)
    return router


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[None, Requires(A)],
        Annotated[Caller, Requires(A)],
        # FastAPI looks at the last one only.
        Annotated[None, Requires(A), Depends(nothing)],
        Annotated[None, Depends(nothing), Requires(A)],
        Annotated[None, Depends(Requires(A)), Depends(nothing)],
        TypeAliasType("Alias", Annotated[None, Requires(A)]),
        Annotated[str, Requires(A), Query()],
        Annotated[str | None, Requires(A), Security(nothing)],
        "Annotated[None, Requires(A)]",
        Annotated[Requires, Depends()],
    ],
)
def test_item_49_a_marker_in_a_parameter_is_refused(annotation: Any) -> None:
    refuse(asking(annotation, Authenticated()), "put it into `dependencies")


def test_a_marker_is_no_decorator() -> None:
    """The module that uses it as one cannot be imported, which is a ModuleError."""
    with pytest.raises(TypeError, match=r"write dependencies=\[Requires\('a:thing.read'\)\], or @Requires"):
        Requires(A)(nothing)


def plain(request: Request, _: Annotated[None, Requires(A)]) -> Response:
    return Response()


class MarkedMethod(HTTPEndpoint):
    @Requires(A).mark
    async def get(self, request: Request) -> Response:  # noqa: ARG002 - the protocol's signature
        return Response()


class AskingMethod(HTTPEndpoint):
    async def get(self, request: Request, _: Annotated[None, Requires(A)]) -> Response:  # noqa: ARG002 - as above
        return Response()


class MarkedSocket(WebSocketEndpoint):
    @Requires(A).mark
    async def on_connect(self, websocket: WebSocket) -> None: ...


@pytest.mark.parametrize(
    "fill",
    [
        lambda router: router.add_route("/thing", plain),
        lambda router: router.add_route("/thing", partial(plain)),
        lambda router: router.add_websocket_route("/thing", plain),
        lambda router: router.add_route("/thing", MarkedMethod),
        lambda router: router.add_route("/thing", AskingMethod),
        lambda router: router.add_websocket_route("/thing", MarkedSocket),
    ],
)
def test_item_49_a_marker_that_a_plain_endpoint_does_not_get_is_refused(fill: Callable[[APIRouter], None]) -> None:
    router = APIRouter(dependencies=[Authenticated()])
    fill(router)
    refuse(router, "put it into `dependencies")


def application(**options: Any) -> FastAPI:
    app = FastAPI(openapi_url=None, **options)
    app.add_api_route("/inside", nothing)
    return app


def marked_route(app: Any) -> Any:
    app.add_api_route("/marked", nothing, dependencies=[Requires(A)])
    return app


def marked_endpoint() -> Starlette:
    return Starlette(routes=[Route("/marked", Requires(A).mark(partial(plain_answer)))])


def plain_answer(_: Request) -> Response:
    return Response()


WITHIN: dict[str, Callable[[], Any]] = {
    "a route": lambda: marked_route(application()),
    "the application": lambda: application(dependencies=[Requires(A)]),
    "an application without routes": lambda: FastAPI(openapi_url=None, dependencies=[Requires(A)]),
    "an endpoint": marked_endpoint,
    "a router": lambda: marked_route(APIRouter()),
    "the dependencies of a router": lambda: APIRouter(dependencies=[Requires(A)]),
    "within middleware": lambda: GZipMiddleware(GZipMiddleware(marked_route(application()))),
    "a mount in it": lambda: Starlette(routes=[Mount("/deeper", marked_route(application()))]),
    "a parameter": lambda: asking(Annotated[None, Requires(A)]),
    "a marked mount in it": lambda: Router([Mount("/deeper", Requires(A).mark(application()))]),
}


PUT: list[Callable[[APIRouter, Any], Any]] = [
    lambda router, app: router.mount("/thing", app),
    lambda router, app: router.host("thing.test", app),
    lambda router, app: router.routes.append(Mount("/thing", app)),
]


@pytest.mark.parametrize("within", WITHIN)
def test_item_49_markers_within_a_mounted_application_are_refused(within: str) -> None:
    for put, marker in product(PUT, [None, *MARKERS]):
        app, router = WITHIN[within](), APIRouter()
        put(router, marker.mark(app) if marker else app)
        refuse(router, r"`Requires\(...\).mark")


async def test_markers_of_what_is_only_described_do_not_matter() -> None:
    callbacks = APIRouter()
    callbacks.add_api_route("/told", nothing, dependencies=[Requires(A)])
    router = APIRouter(dependencies=[Authenticated()])
    router.add_api_route("/thing", nothing, callbacks=callbacks.routes)
    app = guarded(lambda app: app.include_router(router), dependencies=[])

    assert (await ask(app, scope_of("/thing"))).status == 200
