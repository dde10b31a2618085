"""`python -m tests.clients`: clients that are generated from the live document compile, and work.

It installs the generators into a temporary folder, starts the service on SQLite, and lets each client register, log in,
read, change a little, page and fail. `--quick` takes one generator for TypeScript and one for Python, as CI does.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2 as httpx

from tests.clients.generators import CLIENTS, Client
from tests.clients.workbench import HERE, StepError, Workbench
from tests.project import Project, copy_project, serve

ADMIN = "root@example.com"
PASSWORD = "seven purple tractors sing"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one generator for TypeScript and one for Python")
    options = parser.parse_args()
    clients = [client for client in CLIENTS if client.is_quick or not options.quick]
    with tempfile.TemporaryDirectory(prefix="clients-") as folder, _bench(Path(folder)) as bench:
        if not _step("install the generators", partial(bench.install, is_quick=options.quick)):
            sys.exit(1)
        results = [_step("rules of Redocly and Spectral, patterns", partial(_lint, bench))]
        results += [_step(client.name, partial(_try, client, bench)) for client in clients]
    failed = results.count(False)
    sys.stdout.write(f"{len(results) - failed} passed, {failed} failed\n")
    sys.exit(bool(failed))


@contextmanager
def _bench(folder: Path) -> Iterator[Workbench]:
    """A workbench beside a running service."""
    project = Project(copy_project(folder / "project"), f"sqlite:///{folder / 'app.db'}")
    project.alembic("upgrade", "heads")
    project.run("manage", "auth", "create-admin", "--email", ADMIN, stdin=PASSWORD)
    with serve(project) as server:
        document = folder / "openapi.json"
        document.write_bytes(httpx.get(f"{server.address}/openapi.json").content)
        yield Workbench(folder, document, server.address, ADMIN, PASSWORD)


def _step(name: str, work: Callable[[], object]) -> bool:
    started = time.monotonic()
    try:
        work()
    except StepError as error:
        sys.stdout.write(f"{name}: FAILED\n{error}\n")
        return False
    sys.stdout.write(f"{name}: ok, {time.monotonic() - started:.0f} s\n")
    sys.stdout.flush()
    return True


def _try(client: Client, bench: Workbench) -> None:
    folder = client.prepare(bench)
    client.generate(bench, folder)
    client.compile(bench, folder)
    client.use(bench, folder)


def _lint(bench: Workbench) -> None:
    bench.npm("redocly", "lint", bench.document)
    (bench.folder / "spectral.yaml").write_text('extends: ["spectral:oas"]\n', encoding="utf-8")
    bench.npm("spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "warn", bench.document)
    bench.run("node", HERE / "patterns.mjs", bench.document)


if __name__ == "__main__":
    main()
