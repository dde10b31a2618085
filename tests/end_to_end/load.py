"""Clients that ask all along while instances of the service come and go, and count what fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread

import httpx2 as httpx

from tests.conftest import UNLIMITED, Account
from tests.end_to_end.test_startup import in_production
from tests.project import Project, Server, serve

PATIENCE_SECONDS = 60
CLIENTS = 4
SOME = 40

CONSENT = {"ALLOW_THROTTLE_PER_PROCESS": "true", "AUTH_BCRYPT_COST": "10"}


class Load:
    """Clients of a load balancer that hands requests to the services at `addresses` in turn."""

    def __init__(self, account: Account, *addresses: str) -> None:
        self.addresses, self.answers, self.failures = list(addresses), 0, list[str]()
        self._account = account
        self._answered = asyncio.Event()
        self._served_by = set[str]()

    async def run(self) -> None:
        # A connection for each request, as if every one came from another client.
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, headers={"Connection": "close"}) as client:
            while self.addresses:
                try:
                    await self._ask(client, self.addresses[self.answers % len(self.addresses)])
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.answers += 3
                self._answered.set()

    async def _ask(self, client: httpx.AsyncClient, address: str) -> None:
        url, headers, served_by = f"{address}/api/users/me", self._account.headers, self._served_by
        ready = await client.get(f"{address}/api/ready")
        read = await client.get(url, headers=headers)
        written = await client.patch(url, headers=headers, json={"nickname": f"Ada {self.answers}"})
        self.failures += [one.text for one in (read, written) if one.status_code != 200]
        # Who is about to stop says so, and serves on.
        if ready.status_code != 200 and '"service":"draining"' not in ready.text:
            self.failures.append(ready.text)
        # Through a proxy: if it had to ask several, the last one has answered.
        served_by |= {one.headers.get("X-Served-By", address).split(", ")[-1] for one in (read, written)}

    async def go_on(self) -> None:
        """Wait until some more have been answered."""
        enough = self.answers + SOME
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.answers < enough:
                self._answered.clear()
                await self._answered.wait()

    async def go_on_with(self, *services: str) -> None:
        """Wait until some more have been answered, by each of these and by nobody else."""
        self._served_by = set()  # what is on its way tells the old one
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._served_by.issuperset(services):
                await self.go_on()
        assert self._served_by == set(services)


@asynccontextmanager
async def under_load(account: Account, address: str) -> AsyncIterator[Load]:
    load = Load(account, address)
    clients = [asyncio.create_task(load.run()) for _ in range(CLIENTS)]
    try:
        yield load
    finally:
        load.addresses.clear()
        await asyncio.gather(*clients)


@contextmanager
def served(project: Project, *command: str, workers: int) -> Iterator[Server]:
    """In production, when all workers serve. The output is read along, since it is more than a pipe holds."""
    unlimited = dict.fromkeys((f"AUTH_{name}".upper() for name in UNLIMITED), "none")
    with serve(in_production(project, **CONSENT, **unlimited, **project.variables), *command) as server:
        stderr = server.process.stderr
        assert stderr is not None
        while starts(server) < workers:
            line = stderr.readline()
            assert line, "".join(server.output)
            server.output.append(line)
        reader = Thread(target=lambda: server.output.extend(stderr))
        reader.start()
        try:
            yield server
        finally:
            server.process.terminate()
            reader.join()


def starts(server: Server) -> int:
    """How many workers have begun to serve, the replaced ones included."""
    return "".join(server.output).count("Application startup complete")


def errors(*servers: Server) -> str:
    """What they said of failures."""
    return "".join(line for one in servers for line in one.output if '"level": "error"' in line or "Traceback" in line)
