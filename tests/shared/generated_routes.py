"""Applications with generated tables of routes, in which paths overlap, and requests that nearly fit them."""

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor

from tests.shared.guarded import scope_of

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
ROOT = "/root"
QUESTIONS = 120

# Few, so that paths overlap. `{}` becomes a parameter with a name of its own.
SEGMENTS = ["a", "b", "a.b", "é", "", "{}", "{}", "{:int}", "{:uuid}", "{:float}", "x{}", "{}-{}", "{:path}", "{:two}"]
VALUES = ["a", "b", "a.b", "é", "", "x", "xa", "a-b", "-", "12", "1.5", "a/b", "a//b", " ", "%2F", "a\n", "{}"]
FITTING = {"str": "b", "int": "12", "float": "1.5", "uuid": str(UUID(int=7)), "path": "a//b", "two": "a/b"}
KINDS, WEIGHTS = ["api", "plain", "websocket", "bare websocket", "mount", "host"], [12, 3, 3, 1, 2, 1]
HOSTS = ["test", "other", "{p}.test"]


class TwoSegments(Convertor[str]):
    """A convertor of a team's own, which the index knows nothing about."""

    regex = "[^/]+/[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("two", TwoSegments())


class Announcing(APIRoute):
    """A route class of a team's own, as FastAPI documents them."""

    def get_route_handler(self) -> Callable[..., Any]:
        handler = super().get_route_handler()

        async def announced(request: Request) -> Response:
            response = await handler(request)
            response.headers["X-Announced"] = "yes"
            return response

        return announced


class Generator:
    """Builds the same table of routes each time it is made with the same seed."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)  # noqa: S311 - the same again each time
        self.count = 0

    def fill(self, app: FastAPI) -> FastAPI:
        """Give it routes of every kind, of its own and in routers within routers."""
        app.add_api_route("/home", self.endpoint(), name="home")
        self._routes(app.router)
        for _ in range(self.choose.randint(2, 5)):
            app.include_router(self._router(depth=0), prefix=self.path(at_most=2).rstrip("/"))
            self._routes(app.router, at_most=2)
        return app

    def path(self, at_most: int = 4) -> str:
        segments = self.choose.choices(SEGMENTS, k=self.choose.randint(0, at_most))
        return "".join(f"/{self._named(segment)}" for segment in segments)

    def _named(self, segment: str) -> str:
        while "{}" in segment or "{:" in segment:
            self.count += 1
            segment = (
                segment.replace("{}", f"{{p{self.count}}}", 1)
                if "{}" in segment
                else (segment.replace("{:", f"{{p{self.count}:", 1))
            )
        return segment

    def _router(self, depth: int) -> APIRouter:
        kind = self.choose.choice([APIRoute, APIRoute, Announcing])
        prefix = self.choose.choice(["", self.path(at_most=1).rstrip("/")])
        router = APIRouter(prefix=prefix, route_class=kind)
        self._routes(router)
        while depth < 2 and self.choose.random() < 0.4:
            router.include_router(self._router(depth + 1), prefix=self.path(at_most=1).rstrip("/"))
            self._routes(router, at_most=2)
        return router

    def _routes(self, router: APIRouter, at_most: int = 6) -> None:
        for _ in range(self.choose.randint(1, at_most)):
            path, methods = self.path() or "/", self.choose.sample(METHODS, k=self.choose.randint(1, 3))
            match self.choose.choices(KINDS, WEIGHTS)[0]:
                case "api":
                    router.add_api_route(path, self.endpoint(), methods=methods)
                case "plain":
                    router.add_route(path, self.endpoint(), methods=methods)
                case "websocket":
                    router.add_api_websocket_route(path, self.socket())
                case "bare websocket":
                    router.add_websocket_route(path, self.socket())
                case "mount":
                    router.mount(path if path.strip("/") else "/mounted", self._application())
                case _:
                    router.host(self.choose.choice(HOSTS), self._application())

    def _application(self) -> FastAPI | Starlette:
        app = FastAPI(openapi_url=None) if self.choose.random() < 0.5 else Starlette()
        for _ in range(self.choose.randint(1, 3)):
            app.router.add_route(self.path(at_most=2) or "/", self.endpoint())
            app.router.add_websocket_route(self.path(at_most=2) or "/", self.socket())
        return app

    def endpoint(self) -> Callable[..., Any]:
        self.count += 1
        number = self.count

        async def answer(request: Request) -> Response:
            return Response(json.dumps(told_by(request.scope, number) | {"home": str(request.url_for("home"))}))

        answer.__name__ = f"route{number}"
        return answer

    def socket(self) -> Callable[..., Any]:
        self.count += 1
        number = self.count

        async def answer(websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.send_text(json.dumps(told_by(websocket.scope, number)))
            await websocket.close()

        answer.__name__ = f"socket{number}"
        return answer


def told_by(scope: Any, number: int) -> dict[str, Any]:
    """What an endpoint can see of how it was found."""
    route = scope.get("route")
    return {
        "number": number,
        "parameters": repr(scope["path_params"]),
        "root_path": scope.get("root_path"),
        "app_root_path": scope.get("app_root_path"),
        "endpoint": scope["endpoint"].__name__,
        "route": f"{type(route).__name__} {getattr(route, 'path', None)}",
        "router": scope["router"] is scope["app"].router,
    }


def questions(seed: int, paths: list[str]) -> Iterator[dict[str, Any]]:
    """Requests to these paths, or to what is nearly one of them."""
    choose = random.Random(seed)  # noqa: S311 - the same again each time

    def value(parameter: re.Match[str]) -> str:
        return choose.choice(VALUES) if choose.random() < 0.3 else FITTING[parameter[1] or "str"]

    for _ in range(QUESTIONS):
        segments = re.sub(r"{\w+(?::(\w+))?}", value, choose.choice(paths)).split("/")
        if choose.random() < 0.1:
            segments[choose.randrange(1, len(segments))] = choose.choice(VALUES)
        ending = choose.choice(["", "", "", "", "", "/", "//", "/a", "\n", "?"])
        root = choose.choice(["", "", "", ROOT, "/a"])
        path = (root if choose.random() < 0.7 else "") + "/".join(segments) + ending
        yield scope_of(path, choose.choice([*METHODS, "GET", "WEBSOCKET", "WEBSOCKET"]), root)
