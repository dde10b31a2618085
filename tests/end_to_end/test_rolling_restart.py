"""Two instances behind nginx, as the page for operators configures it, are restarted in turn: no request fails."""

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from shared.testing.databases import available
from tests import servers
from tests.conftest import sign_up
from tests.end_to_end.load import PATIENCE_SECONDS, errors, served, under_load
from tests.project import Project, Server, free_port

# By hand more, for a figure: RESTART_ROUNDS=10.
ROUNDS = int(os.environ.get("RESTART_ROUNDS", "1"))


@pytest.mark.servers
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("backend", sorted({"postgresql"} & set(available())), scope="session")
async def test_item_86_no_request_fails_while_instances_are_restarted(
    project: Project, workers: int, tmp_path: Path
) -> None:
    project.alembic("upgrade", "heads")
    services = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    with ExitStack() as stack:

        async def start(service: str) -> Server:
            port = service.partition(":")[2]
            settings = {"APP_PORT": port, "WEB_CONCURRENCY": str(workers), "TRUSTED_PROXIES": "127.0.0.1"}
            instance = served(replace(project, variables=settings), "bootstrap.py", workers=workers)
            return await asyncio.to_thread(stack.enter_context, instance)

        instances = {service: await start(service) for service in services}
        gone: list[Server] = []
        front = stack.enter_context(servers.nginx(tmp_path, *services))
        async with httpx.AsyncClient(base_url=front, timeout=PATIENCE_SECONDS) as client:
            account = await sign_up(client)
        async with under_load(account, front) as load:
            await load.go_on_with(*services)
            for service in services * ROUNDS:
                gone.append(instances[service])
                instances[service].process.terminate()
                await asyncio.to_thread(instances[service].process.wait, PATIENCE_SECONDS)
                await load.go_on_with(*(one for one in services if one != service))
                instances[service] = await start(service)
                await load.go_on_with(*services)

    assert load.failures == [], errors(*gone, *instances.values())
    print(f"{load.answers} requests, {len(load.failures)} failures")  # noqa: T201 - pytest shows it with -rP
