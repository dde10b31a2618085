"""`manage auth create-admin`, as an operator types it."""

import asyncio
from pathlib import Path

import httpx2 as httpx

from tests.api.envelope import data_of
from tests.auth.conftest import Manage
from tests.conftest import Account, log_in
from tests.project import ROOT, Project

PASSWORD = "seven purple tractors sing"
COMMAND = ("auth", "create-admin", "--email")


async def is_admin(client: httpx.AsyncClient, email: str, password: str) -> bool:
    tokens = await log_in(client, email, password)
    answer = await client.get("/api/users", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code in {200, 403}
    return answer.status_code == 200


async def test_the_command_makes_an_administrator(client: httpx.AsyncClient, database: str) -> None:
    project = Project(ROOT, database, variables={"AUTH_REGISTRATION": "closed"})

    made = await asyncio.to_thread(project.run, "manage", *COMMAND, "Root@Example.com", stdin=f"{PASSWORD}\nmore\n")

    assert "Root@example.com" in made.stdout
    assert PASSWORD not in made.stdout + made.stderr
    assert await is_admin(client, "root@example.com", PASSWORD)


async def test_the_password_can_come_from_a_file(client: httpx.AsyncClient, manage: Manage, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(f"{PASSWORD} \r\nand more".encode())

    made = await manage(*COMMAND, "root@example.com", "--password-file", str(file))

    assert made.code == 0, made.output
    assert await is_admin(client, "root@example.com", f"{PASSWORD} ")


async def test_a_dash_is_standard_input(client: httpx.AsyncClient, manage: Manage) -> None:
    made = await manage(*COMMAND, "root@example.com", "--password-file", "-", stdin=PASSWORD)

    assert made.code == 0, made.output
    assert await is_admin(client, "root@example.com", PASSWORD)


async def test_an_existing_account_is_promoted_and_keeps_its_password(
    client: httpx.AsyncClient, manage: Manage, user: Account
) -> None:
    assert not await is_admin(client, user.email, user.password)

    for _ in range(2):
        promoted = await manage(*COMMAND, user.email.upper(), stdin=PASSWORD)
        assert promoted.code == 0, promoted.output
        assert user.email in promoted.output

    assert await is_admin(client, user.email, user.password)


async def test_a_password_that_is_not_accepted_is_explained(
    client: httpx.AsyncClient, admin: Account, manage: Manage
) -> None:
    for password, explanation in (
        ("canary-17", "at least 15 characters"),
        ("canary-17 " * 30, "at most 256 characters"),
        ("canary-17 " * 200, "at most 1024"),
        ("canary-17 canary-17 \ud800", "surrogate"),
        ("canary-17 for-a-root", "contains your name"),
    ):
        refused = await manage(*COMMAND, "root@example.com", stdin=password)
        assert refused.code == 1, refused.output
        assert explanation in refused.output
        assert "Traceback" not in refused.output
        assert "canary" not in refused.output

    listed = data_of(await client.get("/api/users", headers=admin.headers))["items"]
    assert [user["email"] for user in listed] == [admin.email]


async def test_what_was_typed_wrongly_is_said(manage: Manage, tmp_path: Path) -> None:
    for arguments, stdin in (
        (("Foo <root@example.com>",), PASSWORD),
        (("root@example.com", "--password-file", str(tmp_path / "nothing")), ""),
        (("root@example.com", "--password", PASSWORD), ""),
        (("root@example.com", PASSWORD), ""),
        (("root@example.com",), ""),
    ):
        refused = await manage(*COMMAND, *arguments, stdin=stdin)
        assert refused.code == 2, refused.output
        assert refused.output
        assert "Traceback" not in refused.output
