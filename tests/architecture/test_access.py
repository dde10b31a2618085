"""Every route says who may call it, and the public ones are these."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket

from bootstrap import create_app
from shared.access import Authenticated, AuthenticatedOr, Public, Requires
from shared.access.table import AccessTable
from shared.assembly.discovery import discover
from tests.conftest import module_settings, settings_for


def listed(kind: str = "") -> list[str]:
    """What the modules' `public_routes.txt` say: the lines without a word behind the path, or with this one."""
    lines = [line for module in discover().values() for line in _lines(module.path / "public_routes.txt")]
    return sorted(" ".join(line[:2]) for line in lines if line[2:] == kind.split())


def _lines(file: Path) -> list[list[str]]:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


PUBLIC = listed()
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
    *listed("development"),
]
"""Not there in production."""


def table_of(**values: Any) -> AccessTable:
    app = create_app(settings_for("sqlite://", **values), module_settings=module_settings())
    table: AccessTable = app.state.access
    return table


@pytest.mark.module_rules
def test_item_49_every_route_states_who_may_call_it() -> None:
    table = table_of()

    assert len(table.routes) > len(table.public()) > 0
    assert not table.unmarked()


@pytest.mark.module_rules
def test_item_49_the_public_routes_are_exactly_these() -> None:
    in_production = table_of(app_env="production", allow_sqlite_in_production=True)

    assert in_production.public() == PUBLIC, "write it into the module's public_routes.txt, where a review sees it"
    assert table_of().public() == sorted(PUBLIC + DOCUMENTATION)


@pytest.mark.module_rules
def test_item_49_the_routes_that_take_another_proof_than_an_access_token_are_exactly_these() -> None:
    rules = [rule for rule in table_of().routes if isinstance(rule.marker, AuthenticatedOr)]

    assert [f"{method} {rule.path}" for rule in rules for method in sorted(rule.methods)] == listed("AuthenticatedOr")


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
