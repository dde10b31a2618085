"""The second layer of access control: every marked route checks for itself that AuthMiddleware let this request in."""

from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.access.enforcement import AuthMiddleware
from shared.access.table import AccessTable
from shared.assembly.discovery import discover
from tests.api.asgi import open_websocket
from tests.conftest import Account, MakeApp, client_of

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def unguarded(make_app: MakeApp) -> FastAPI:
    """The application of somebody who forgot AuthMiddleware."""
    app = make_app(modules=discover("modules", "tests.fixtures.doors"))
    left_out = [one for one in app.user_middleware if getattr(one.cls, "__name__", "") != AuthMiddleware.__name__]
    assert len(left_out) == len(app.user_middleware) - 1
    app.user_middleware = left_out
    return app


async def test_item_57_no_marked_route_runs_when_the_middleware_was_left_out(unguarded: FastAPI) -> None:
    table: AccessTable = unguarded.state.access
    requests = [
        (method, rule.path.replace("{user_id}", "0190b6e4-0000-7000-8000-000000000000"))
        for rule in table.routes
        for method in rule.methods
        # What states nothing cannot check; the pages of the documentation take no dependencies.
        if rule.marker and getattr(rule.context, "dependencies", None)
    ]

    assert len(requests) > 15
    async with client_of(unguarded) as client:
        for method, path in requests:
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied"), f"{method} {path}"


@pytest.mark.parametrize("path", ["/open-socket", "/guarded/socket"])
async def test_no_marked_websocket_opens_when_the_middleware_was_left_out(unguarded: FastAPI, path: str) -> None:
    (answer,) = await open_websocket(unguarded, f"/api/doors{path}")

    assert (answer["type"], answer["code"]) == ("websocket.close", 1008)


class Detour:
    """A middleware within AuthMiddleware that leads an allowed request somewhere else."""

    def __init__(self, app: ASGIApp, *, to: str) -> None:
        self.app = app
        self.to = to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        changed: dict[str, Any] = {"path": self.to, "raw_path": self.to.encode()}
        await self.app({**scope, **changed}, receive, send)


@pytest.mark.parametrize("destination", ["/api/users/me", "/api/users", "/api/ready"])
async def test_item_57_a_decision_about_one_route_does_not_open_another(
    make_app: MakeApp, user: Account, client: httpx.AsyncClient, destination: str
) -> None:
    app = make_app()
    app.user_middleware.append(Middleware(Detour, to=destination))
    async with client_of(app) as led_astray:
        answers = [
            await led_astray.get("/api/health"),
            await led_astray.get("/api/health", headers=user.headers),
            await led_astray.get("/", headers=user.headers),
        ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert (await client.get("/api/users/me", headers=user.headers)).status_code == 200
