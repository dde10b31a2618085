"""A new version is rolled out and back again while the old one serves: no request fails."""

import asyncio
import os
import re
import shutil
import signal
from contextlib import ExitStack
from dataclasses import replace

import httpx2 as httpx
import pytest

from shared.testing.databases import available
from tests.conftest import sign_up
from tests.end_to_end.load import PATIENCE_SECONDS, errors, served, starts, under_load
from tests.migrations.written import MOTTO, USERS, add_column, revision, write_revision
from tests.project import Project, Server

WORKERS = ("-m", "uvicorn", "bootstrap:app", "--port", "0", "--workers", "2")
ADD = 'op.add_column("users", sa.Column("motto", sa.String(50), nullable=True))'


def workers(server: Server) -> list[int]:
    return [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", "".join(server.output))]


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
            return await asyncio.to_thread(stack.enter_context, served(version, *WORKERS, workers=2))

        old = await start(project)
        async with httpx.AsyncClient(base_url=old.address, timeout=PATIENCE_SECONDS) as client:
            account = await sign_up(client)
        async with under_load(account, old.address) as load:
            await load.go_on()
            await asyncio.to_thread(newer.alembic, "upgrade", "heads")
            await load.go_on()
            for pid in workers(old):  # the old code restarts on the new schema
                os.kill(pid, signal.SIGTERM)
            while starts(old) < 4:
                await load.go_on()
            await load.go_on()
            new = await start(newer)
            load.addresses = [old.address, new.address]
            await load.go_on()
            load.addresses = [new.address]
            await load.go_on()
            back = await start(project)  # and starts anew on it
            load.addresses = [back.address]
            await load.go_on()

    assert load.failures == [], errors(old, new, back)
    assert len(workers(old)) == 4
    print(f"{load.answers} requests, {len(load.failures)} failures")  # noqa: T201 - pytest shows it with -rP
