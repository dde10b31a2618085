from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.discovery import discover
from tests.conftest import MakeApp, client_of


@pytest.fixture
def probe_app(make_app: MakeApp) -> FastAPI:
    """The application with one careless module more: tests/fixtures/probes."""
    return make_app(modules=discover("modules", "tests.fixtures.probes"), cors_origins="https://app.example.com")


@pytest.fixture
async def probe(probe_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(probe_app) as client:
        yield client
