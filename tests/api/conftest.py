from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from bootstrap import create_app
from shared.assembly.discovery import discover
from tests.api.document import Document
from tests.conftest import MakeApp, client_of, module_settings, settings_for
from tests.project import built_in_modules


@pytest.fixture
def probe_app(make_app: MakeApp) -> FastAPI:
    """The application with one careless module more: tests/fixtures/probes."""
    return make_app(modules=discover("modules", "tests.fixtures.probes"), cors_origins="https://app.example.com")


@pytest.fixture
async def probe(probe_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(probe_app) as client:
        yield client


@pytest.fixture(scope="session")
def described() -> FastAPI:
    """An application that never meets a database: its description needs none."""
    return create_app(settings_for("sqlite:///:memory:"), module_settings=module_settings())


@pytest.fixture(scope="session")
def document(described: FastAPI) -> Document:
    return described.openapi()


@pytest.fixture(scope="session")
def built_in() -> Document:
    """The same without modules that a team has added, which may be less particular."""
    settings = settings_for("sqlite://")
    return create_app(settings, module_settings=module_settings(), modules=built_in_modules()).openapi()
