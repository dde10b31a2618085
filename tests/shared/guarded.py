"""An application of any routes behind the gate, put together as `create_app` does it, and requests to it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from starlette.middleware import Middleware

from shared.access import Authenticated
from shared.access.enforcement import AuthMiddleware
from shared.access.matched_route import MatchedRouteApp
from shared.access.table import AccessTable
from shared.application import put_parts
from shared.container import Runtime
from shared.context import Principal
from shared.http.exception_handlers import register_exception_handlers
from shared.logging.setup import access_logger
from shared.middleware.catch_all import CatchAllMiddleware
from shared.middleware.request_context import RequestContextMiddleware
from tests.api.asgi import bearer


class Everybody:
    """Lets any token in. It holds the permissions that it names: `a:b.c,d:e.f`."""

    async def authenticate(self, token: str) -> Principal:
        return Principal(UUID(int=1), UUID(int=2), frozenset(token.split(",")), datetime.now(UTC))


def guarded(fill: Callable[[FastAPI], Any], **options: Any) -> FastAPI:
    layers = [Middleware(RequestContextMiddleware, is_production=False, log=access_logger(as_json=True))]
    layers += [Middleware(CatchAllMiddleware), Middleware(AuthMiddleware)]
    options = {"dependencies": [Authenticated()]} | options
    app = FastAPI(openapi_url=None, redirect_slashes=False, middleware=layers, **options)
    register_exception_handlers(app)
    fill(app)
    app.state.access = table = AccessTable(app.routes, app.router.dependencies)
    put_parts(app, {Runtime: lambda: SimpleNamespace(authenticator=Everybody()), AccessTable: lambda: table})
    app.router.middleware_stack = MatchedRouteApp(app.router)
    return app


def scope_of(path: str, method: str = "GET", root_path: str = "") -> dict[str, Any]:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": root_path,
        "headers": [(b"host", b"test"), bearer("any")],
        "client": ("127.0.0.1", 50_000),
        "server": ("test", 80),
        "state": {},
    }
    if method == "WEBSOCKET":
        scope |= {"type": "websocket", "scheme": "ws", "subprotocols": [], "extensions": {}}
        del scope["method"]
    return scope


@dataclass(frozen=True)
class Answer:
    """`told` is None when no endpoint answered."""

    status: int
    allow: frozenset[str]
    told: Any
    announced: bool = False


async def ask(app: FastAPI, scope: dict[str, Any], body: bytes = b"") -> Answer:
    incoming = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])
    sent: list[Any] = []

    async def receive() -> Any:
        return (
            next(incoming)
            if scope["type"] == "websocket"
            else {"type": "http.request", "body": body, "more_body": False}
        )

    async def send(event: Any) -> None:
        sent.append(event)

    await app(dict(scope), receive, send)
    if scope["type"] == "websocket":
        texts = [event["text"] for event in sent if event["type"] == "websocket.send"]
        return Answer(101 if texts else 403, frozenset(), json.loads(texts[0]) if texts else None)
    headers = dict(sent[0]["headers"])
    received = b"".join(event.get("body", b"") for event in sent)
    return Answer(
        sent[0]["status"],
        frozenset(headers.get(b"allow", b"").decode().split(", ")) - {""},
        json.loads(received) if sent[0]["status"] == 200 else None,
        b"x-announced" in headers,
    )
