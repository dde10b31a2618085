import httpx2 as httpx

from shared.testing.envelope import data_of
from tests.api.failing import away
from tests.conftest import MakeApp, client_of


async def test_the_index_says_what_is_running(client: httpx.AsyncClient) -> None:
    index = data_of(await client.get("/"))

    assert set(index) == {"name", "env", "version"}
    assert (index["name"], index["env"]) == ("Modular Monolith", "test")
    assert index["version"]


async def test_the_index_has_the_name_from_the_settings(make_app: MakeApp) -> None:
    async with client_of(make_app(app_name="Library")) as client:
        assert data_of(await client.get("/"))["name"] == "Library"


async def test_the_process_is_healthy(client: httpx.AsyncClient) -> None:
    assert data_of(await client.get("/api/health")) == {"status": "ok"}


async def test_health_touches_nothing_but_the_process(make_app: MakeApp, database: str) -> None:
    async with away(make_app, database) as client:
        assert data_of(await client.get("/api/health")) == {"status": "ok"}
        assert data_of(await client.get("/"))["env"] == "test"
