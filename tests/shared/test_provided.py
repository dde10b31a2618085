"""What `provided` hands to a route: made by the running application's container, with the request's session."""

from datetime import datetime

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from bootstrap import create_app
from shared.module import ModuleError
from shared.testing import MovableClock, data_of
from tests.conftest import MakeApp, module_settings, settings_for
from tests.shared.packages import MakeModules, declaration

SERVICES = """
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

@dataclass(slots=True, kw_only=True)
class Counter:
    session: AsyncSession
    step: int

    async def next(self) -> int:
        return await self.session.scalar(text(f"SELECT 41 + {self.step}"))
"""
CONTAINER = """
from dependency_injector import containers, providers

from .services import Counter

class Container(containers.DeclarativeContainer):
    counter = providers.Factory(Counter, step=1)
"""
ROUTER = """
from typing import Annotated

from fastapi import APIRouter, Depends

from shared.access import Public
from shared.container import SharedContainer, provided
from shared.http import ApiResponse, success

from .container import Container
from .services import Counter

router = APIRouter(dependencies=[Public("for a test")])

@router.get("/next")
async def read_next(counter: Annotated[Counter, Depends(provided(Container.counter))]) -> ApiResponse[int]:
    return success(await counter.next())

@router.get("/time")
async def read_time(clock: Annotated[object, Depends(provided(SharedContainer.clock))]) -> ApiResponse[str]:
    return success(clock().isoformat())
"""
FILES = {
    "counters/module.py": declaration(),
    "counters/services.py": SERVICES,
    "counters/container.py": CONTAINER,
    "counters/router.py": ROUTER,
}


@pytest.fixture
def app(make_app: MakeApp, make_modules: MakeModules) -> FastAPI:
    return make_app(modules=make_modules(FILES))


def start_with(make_modules: MakeModules, container: str) -> None:
    files = FILES | {"counters/container.py": container}
    create_app(settings_for("sqlite://"), module_settings=module_settings(), modules=make_modules(files))


async def test_a_service_is_built_with_the_session_of_the_request(client: httpx.AsyncClient) -> None:
    assert data_of(await client.get("/api/counters/next")) == 42


async def test_a_module_without_a_container_asks_for_what_the_project_has(
    client: httpx.AsyncClient, clock: MovableClock
) -> None:
    clock.advance(days=365)

    told = data_of(await client.get("/api/counters/time"))

    assert abs((datetime.fromisoformat(told) - clock()).total_seconds()) < 60


async def test_what_the_container_leaves_open_stops_the_start(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"counters.*the container gives Counter no step"):
        start_with(make_modules, CONTAINER.replace(", step=1", ""))


async def test_a_singleton_that_would_keep_the_first_session_stops_the_start(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"container\.py.*counter: Counter missing a required.* 'session'"):
        start_with(make_modules, CONTAINER.replace("Factory", "Singleton"))


async def test_a_misspelt_provider_stops_the_start(make_modules: MakeModules) -> None:
    files = FILES | {"counters/router.py": ROUTER.replace("Container.counter)", "Container.countr)")}
    with pytest.raises(ModuleError, match=r"router\.py.*countr"):
        create_app(settings_for("sqlite://"), module_settings=module_settings(), modules=make_modules(files))
