"""Rules 5 and 7: every route says who may call it, and the public ones are these."""

from typing import Any

from fastapi import APIRouter, FastAPI, WebSocket

from bootstrap import create_app
from shared.access import Authenticated, AuthenticatedOr, Public, Requires
from shared.access_table import AccessTable
from tests.conftest import auth_settings, settings_for

PUBLIC = [
    "GET /",
    "GET /.well-known/jwks.json",
    "GET /api/health",
    "GET /api/ready",
    "POST /api/auth/email/disown",
    "POST /api/auth/login",
    "POST /api/auth/password/forgot",
    "POST /api/auth/password/reset",
    "POST /api/auth/refresh",
    "POST /api/auth/register",
]
# Without a good access token they run all the same, and look for another proof themselves.
OTHER_PROOFS = ["POST /api/auth/logout"]
DOCUMENTATION = [
    "GET /docs",
    "GET /docs/docs.js",
    "GET /docs/icon.svg",
    "GET /docs/openapi.json",
    "GET /docs/redoc.js",
    "GET /docs/redoc.standalone.js",
    "GET /docs/swagger-ui-bundle.js",
    "GET /docs/swagger-ui.css",
    "GET /openapi.json",
    "GET /redoc",
    "POST /api/auth/token",
]
"""With the form that logs in from there; none of it in production."""


def table_of(**values: Any) -> AccessTable:
    app = create_app(settings_for("sqlite://", **values), module_settings=[auth_settings()])
    table: AccessTable = app.state.access
    return table


def test_item_49_every_route_states_who_may_call_it() -> None:
    table = table_of()

    assert len(table.rules) > len(table.public()) > 0
    assert not table.unmarked()


def test_item_49_the_public_routes_are_exactly_these() -> None:
    in_production = table_of(app_env="production", allow_sqlite_in_production=True)

    assert in_production.public() == PUBLIC
    assert table_of().public() == sorted(PUBLIC + DOCUMENTATION)


def test_item_49_the_routes_that_take_another_proof_than_an_access_token_are_exactly_these() -> None:
    rules = [rule for rule in table_of().rules if isinstance(rule.marker, AuthenticatedOr)]

    assert [f"{method} {rule.path}" for rule in rules for method in sorted(rule.methods)] == OTHER_PROOFS


def test_item_49_every_kind_of_route_that_states_nothing_is_caught() -> None:
    async def endpoint(websocket: WebSocket) -> None: ...

    async def handler() -> None: ...

    inner, outer, app = APIRouter(), APIRouter(), FastAPI(openapi_url=None)
    inner.add_api_route("/forgotten", handler, methods=["PUT"])
    inner.add_api_route("/stated", handler, dependencies=[Authenticated()])
    inner.add_api_websocket_route("/socket", endpoint)
    inner.mount("/mounted", FastAPI(openapi_url=None))
    inner.mount("/marked", Requires("a:b.c").mark(FastAPI(openapi_url=None)))
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer, prefix="/outer")

    assert AccessTable(app.routes).unmarked() == [
        "MOUNT /outer/inner/mounted",
        "PUT /outer/inner/forgotten",
        "WEBSOCKET /outer/inner/socket",
    ]


def test_every_kind_of_public_route_is_listed() -> None:
    async def endpoint(websocket: WebSocket) -> None: ...

    async def handler() -> None: ...

    inner, app = APIRouter(dependencies=[Public("a test")]), FastAPI(openapi_url=None)
    inner.add_api_route("/open", handler, methods=["GET", "DELETE"])
    inner.add_api_route("/closed", handler, dependencies=[Authenticated()])
    inner.add_api_websocket_route("/socket", endpoint)
    inner.mount("/mounted", Public("a test").mark(FastAPI(openapi_url=None)))
    app.include_router(inner, prefix="/inner")

    assert AccessTable(app.routes).public() == [
        "DELETE /inner/open",
        "GET /inner/open",
        "MOUNT /inner/mounted",
        "WEBSOCKET /inner/socket",
    ]
