"""`manage auth create-admin`, as an operator types it."""

import asyncio
from pathlib import Path
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.container import Container
from modules.users import EmailTaken
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.auth.conftest import Manage
from tests.auth.emails import confirm_change, have_confirmed
from tests.auth.recovery import reset
from tests.auth.roles import audited, roles_of
from tests.auth.test_login import attempt, deactivate
from tests.auth.test_refresh import is_logged_in
from tests.conftest import Account, log_in, sign_up
from tests.factories import RegisterRequestFactory
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


async def test_item_23_whoever_registered_the_address_first_does_not_become_an_administrator(
    app: FastAPI, client: httpx.AsyncClient, manage: Manage, user: Account
) -> None:
    for is_confirmed in (False, True):
        for email in (user.email, user.email.upper(), f" {user.email} "):
            refused = await manage(*COMMAND, email, stdin=PASSWORD)

            assert refused.code == 1, refused.output
            assert "has an account already" in refused.output
            assert "--promote" in refused.output
        if not is_confirmed:
            await have_confirmed(app, user)

    assert (await client.get("/api/users", headers=user.headers)).status_code == 403
    assert not await is_admin(client, user.email, user.password)
    assert_failure(await attempt(client, user.email, PASSWORD), 401, "invalid_credentials")


async def test_item_23_a_confirmed_account_is_promoted_if_that_is_asked_for(
    app: FastAPI, client: httpx.AsyncClient, manage: Manage, user: Account
) -> None:
    await have_confirmed(app, user)

    promoted = await manage(*COMMAND, user.email, "--promote")

    assert promoted.code == 0, promoted.output
    assert "an administrator now" in promoted.output
    assert not await is_logged_in(client, user.tokens), "what was open before gets no new rights"
    assert await is_admin(client, user.email, user.password)
    admin = Account(user.id, user.email, user.password, await log_in(client, user.email, user.password))
    (event,) = await audited(client, admin, event="administrator_created")
    assert (event["user_id"], event["actor_id"], event["details"]) == (user.id, None, {"promoted": True})

    again = await manage(*COMMAND, user.email, "--promote")
    assert again.code == 0, again.output
    assert "already" in again.output
    assert await is_logged_in(client, admin.tokens)


async def test_item_23_an_address_that_nobody_confirmed_is_never_promoted(
    client: httpx.AsyncClient, manage: Manage, user: Account
) -> None:
    refused = await manage(*COMMAND, user.email, "--promote")

    assert refused.code == 1, refused.output
    assert "Nobody has confirmed" in refused.output
    assert await is_logged_in(client, user.tokens)
    assert not await is_admin(client, user.email, user.password)


@pytest.mark.parametrize(
    ("registered", "typed"),
    [
        ("Ops@corp.example", "ops@corp.example"),
        ("ops@corp.example", "OPS@corp.example"),
        ("\ufb01ona@corp.example", "fiona@corp.example"),
        ("stra\u00dfe@corp.example", "strasse@corp.example"),
        ("\uff4fps@corp.example", "ops@corp.example"),
    ],
)
async def test_item_23_a_look_alike_is_never_promoted(
    app: FastAPI, client: httpx.AsyncClient, manage: Manage, registered: str, typed: str
) -> None:
    stranger = await sign_up(client, RegisterRequestFactory.build(email=registered))
    await have_confirmed(app, stranger)

    for arguments in ((), ("--promote",)):
        refused = await manage(*COMMAND, typed, *arguments, stdin=PASSWORD)
        assert refused.code == 1, refused.output
        assert (registered if registered.isascii() else ascii(registered)[1:-1]) in refused.output

    assert await is_logged_in(client, stranger.tokens)
    assert not await is_admin(client, registered, stranger.password)


async def test_item_23_the_domain_of_a_look_alike_is_another_account(
    app: FastAPI, client: httpx.AsyncClient, manage: Manage
) -> None:
    stranger = await sign_up(client, RegisterRequestFactory.build(email="info@strau\u00df.example"))
    await have_confirmed(app, stranger)

    unknown = await manage(*COMMAND, "info@strauss.example", "--promote")
    made = await manage(*COMMAND, "info@strauss.example", stdin=PASSWORD)

    assert (unknown.code, made.code) == (1, 0), unknown.output + made.output
    assert "has no account" in unknown.output
    assert await is_admin(client, "info@strauss.example", PASSWORD)
    assert not await is_admin(client, stranger.email, stranger.password)


async def test_item_23_the_case_of_a_domain_is_no_difference(
    app: FastAPI, client: httpx.AsyncClient, manage: Manage, user: Account
) -> None:
    await have_confirmed(app, user)
    local_part, _, domain = user.email.partition("@")

    promoted = await manage(*COMMAND, f"{local_part}@{domain.upper()}", "--promote")

    assert promoted.code == 0, promoted.output
    assert await is_admin(client, user.email, user.password)


async def test_item_23_a_deactivated_account_is_not_promoted(
    app: FastAPI, client: httpx.AsyncClient, manage: Manage, user: Account, admin: Account
) -> None:
    await have_confirmed(app, user)
    await deactivate(client, admin, user)

    refused = await manage(*COMMAND, user.email, "--promote")

    assert refused.code == 1, refused.output
    assert "deactivated" in refused.output
    assert await roles_of(client, admin, user.id) == ["user"]


async def test_item_23_a_promotion_voids_the_links_that_were_mailed_before(
    app: FastAPI, client: httpx.AsyncClient, manage: Manage, user: Account
) -> None:
    await have_confirmed(app, user)
    runtime: Runtime = app.state.runtime
    tokens = runtime.of(Container).mail_tokens()
    async with runtime.shared.database().transaction() as session:
        to_reset = await tokens.issue(session, UUID(user.id), "reset", email=user.email, ttl=600)
        to_move = await tokens.issue(session, UUID(user.id), "email_change", email="thief@example.com", ttl=600)

    assert (await manage(*COMMAND, user.email, "--promote")).code == 0

    user.tokens = await log_in(client, user.email, user.password)
    assert_failure(await reset(client, to_reset), 400, "invalid_token")
    assert_failure(await confirm_change(client, user, to_move), 400, "invalid_token")


async def test_item_23_of_promotions_at_once_one_counts(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    await have_confirmed(app, user)
    runtime: Runtime = app.state.runtime
    service = runtime.of(Container).promotion_service()

    outcomes = await asyncio.gather(*(service.promote(user.email) for _ in range(5)))

    assert sorted(outcomes) == [False] * 4 + [True]
    assert len(await audited(client, admin, event="administrator_created", user_id=user.id)) == 1


async def test_item_23_of_two_new_administrators_with_one_address_one_is_made(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    runtime: Runtime = app.state.runtime
    service = runtime.of(Container).registration_service()
    requests = [RegisterRequestFactory.build(email="root@example.com") for _ in range(2)]

    outcomes = await asyncio.gather(*(service.create_admin(one) for one in requests), return_exceptions=True)

    assert [isinstance(one, EmailTaken) for one in outcomes].count(True) == 1
    (made,) = [one for one, outcome in zip(requests, outcomes, strict=True) if not isinstance(outcome, EmailTaken)]
    assert await is_admin(client, "root@example.com", made.password)


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
