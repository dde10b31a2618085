"""A new version is rolled out and back again while the old one serves: no request fails."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from threading import Thread

import httpx2 as httpx
import pytest

from tests.conftest import UNLIMITED, Account, sign_up
from tests.databases import available
from tests.end_to_end.test_startup import in_production
from tests.migrations.written import MOTTO, USERS, add_column, revision, write_revision
from tests.project import Project, Server, serve

WORKERS = ("-m", "uvicorn", "bootstrap:app", "--port", "0", "--workers", "2")
CONSENT = {"ALLOW_THROTTLE_PER_PROCESS": "true", "AUTH_BCRYPT_COST": "10"}
PATIENCE_SECONDS = 60
CLIENTS = 4
SOME = 40

ADD = 'op.add_column("users", sa.Column("motto", sa.String(50), nullable=True))'


@contextmanager
def served(project: Project) -> Iterator[Server]:
    """Two workers, whose output is read along, since it is more than a pipe holds."""
    unlimited = dict.fromkeys((f"AUTH_{name}".upper() for name in UNLIMITED), "none")
    with serve(in_production(project, **CONSENT, **unlimited), *WORKERS) as server:
        stderr = server.process.stderr
        assert stderr is not None
        while "".join(server.output).count("Application startup complete") < 2:
            line = stderr.readline()
            assert line, "".join(server.output)
            server.output.append(line)
        reader = Thread(target=lambda: server.output.extend(stderr))
        reader.start()
        yield server
        server.process.terminate()
        reader.join()


def workers(server: Server) -> list[int]:
    return [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", "".join(server.output))]


class Load:
    """Clients of a load balancer that hands requests to `instances` in turn, those that are ready."""

    def __init__(self, account: Account, *instances: Server) -> None:
        self.instances, self.answers, self.failures = list(instances), 0, list[str]()
        self._account = account
        self._answered = asyncio.Event()

    async def run(self) -> None:
        # A connection for each request, as if every one came from another client.
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, headers={"Connection": "close"}) as client:
            while self.instances:
                server = self.instances[self.answers % len(self.instances)]
                url, headers = f"{server.address}/api/users/me", self._account.headers
                try:
                    ready = await client.get(f"{server.address}/api/ready")
                    read = await client.get(url, headers=headers)
                    written = await client.patch(url, headers=headers, json={"nickname": f"Ada {self.answers}"})
                    self.failures += [one.text for one in (read, written) if one.status_code != 200]
                    # A worker that is about to stop says so, and serves on.
                    if ready.status_code != 200 and ready.json()["data"]["checks"].get("service") != "draining":
                        self.failures.append(ready.text)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.answers += 3
                self._answered.set()

    async def go_on(self) -> None:
        """Wait until some more have been answered."""
        enough = self.answers + SOME
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.answers < enough:
                self._answered.clear()
                await self._answered.wait()


@asynccontextmanager
async def under_load(account: Account, server: Server) -> AsyncIterator[Load]:
    load = Load(account, server)
    clients = [asyncio.create_task(load.run()) for _ in range(CLIENTS)]
    yield load
    load.instances.clear()
    await asyncio.gather(*clients)


@pytest.mark.slow
@pytest.mark.parametrize("backend", sorted(set(available()) - {"sqlite"}), scope="session")
async def test_no_request_fails_while_a_version_is_rolled_out_and_back(project: Project) -> None:
    project.alembic("upgrade", "heads")
    newer = replace(project, path=project.path.parent / "newer")
    shutil.copytree(project.path, newer.path)
    add_column(newer, "users", "nickname: Mapped[str | None] = mapped_column(String(50))", MOTTO)
    write_revision(newer.path / "modules/users", "add_motto", revision("users_0000000a", down=USERS, do=ADD))

    with ExitStack() as stack:

        async def start(version: Project) -> Server:
            return await asyncio.to_thread(stack.enter_context, served(version))

        old = await start(project)
        async with httpx.AsyncClient(base_url=old.address, timeout=PATIENCE_SECONDS) as client:
            account = await sign_up(client)
        async with under_load(account, old) as load:
            await load.go_on()
            await asyncio.to_thread(newer.alembic, "upgrade", "heads")
            await load.go_on()
            for pid in workers(old):  # the old code restarts on the new schema
                os.kill(pid, signal.SIGTERM)
            while "".join(old.output).count("Application startup complete") < 4:
                await load.go_on()
            await load.go_on()
            new = await start(newer)
            load.instances = [old, new]
            await load.go_on()
            load.instances = [new]
            await load.go_on()
            back = await start(project)  # and starts anew on it
            load.instances = [back]
            await load.go_on()

    said = [
        line for one in (old, new, back) for line in one.output if '"level": "error"' in line or "Traceback" in line
    ]
    assert load.failures == [], "".join(said)
    assert len(workers(old)) == 4
    print(f"{load.answers} requests, {len(load.failures)} failures")  # noqa: T201 - pytest shows it with -rP
