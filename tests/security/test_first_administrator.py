"""The first administrator from the environment; several processes at once are in tests/races."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from shared.settings import SettingsError
from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.api.test_durability import emails
from tests.auth.emails import change_email, confirm_change
from tests.auth.recovery import NEW, change, reset, reset_token
from tests.auth.roles import audited, sign_up_admin
from tests.auth.test_login import attempt
from tests.auth.test_register import register
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up
from tests.project import Project, serve

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

EMAIL = "root@example.com"
PASSWORD = "canary purple tractors sing"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    write(file, f"{PASSWORD}\nwhat follows does not count")
    return file


class Starts:
    """Starts of the service, one after the other, with the settings of the first administrator."""

    def __init__(self, make_app: MakeApp, file: Path) -> None:
        self._make_app = make_app
        self._auth = UNLIMITED | {"bootstrap_admin_email": EMAIL, "bootstrap_admin_password_file": file}

    @asynccontextmanager
    async def __call__(self, *, auth: dict[str, Any] | None = None, **values: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = self._make_app(auth=self._auth | (auth or {}), **values)
        async with app.router.lifespan_context(app), client_of(app) as client:
            yield client


@pytest.fixture
def started(make_app: MakeApp, file: Path) -> Starts:
    return Starts(make_app, file)


async def root(client: httpx.AsyncClient, password: str = PASSWORD, email: str = EMAIL) -> Account:
    tokens = await log_in(client, email, password)
    me = await client.get("/api/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    return Account(data_of(me)["id"], email, password, tokens)


def write(file: Path, content: str | bytes | None) -> None:
    """None takes the file away."""
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)


@ON_SQLITE
async def test_item_23_a_fresh_database_has_no_account(make_app: MakeApp) -> None:
    app = make_app(auth=UNLIMITED)
    async with app.router.lifespan_context(app), client_of(app) as client:
        for name in ("admin", "root", "administrator", "test", "user"):
            for email in (name, f"{name}@example.com", f"{name}@localhost"):
                for password in ("admin", "changeme", "password", "secret", name):
                    assert_failure(await attempt(client, email, password), 401, "invalid_credentials")
        first = await sign_up(client)
        # Nor is whoever comes first an administrator.
        assert_failure(await client.get("/api/users", headers=first.headers), 403, "permission_denied")


async def test_item_23_the_first_administrator_counts_only_with_a_password_of_the_own(
    started: Starts, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with started() as client:
        admin = await root(client)
        doors = [("GET", "/api/users"), ("GET", "/api/auth/roles"), ("GET", "/api/auth/audit")]
        doors += [("POST", "/api/users"), ("DELETE", f"/api/users/{admin.id}"), ("GET", "/api/modules")]
        for method, path in doors:
            answer = await client.request(method, path, headers=admin.headers)
            if answer.status_code != 404:
                assert_failure(answer, 403, "password_change_required")
        # A new login is no new password.
        again = await root(client)
        assert_failure(await client.get("/api/users", headers=again.headers), 403, "password_change_required")

        data_of(await change(client, admin, PASSWORD))

        assert data_of(await client.get("/api/users", headers=admin.headers))["items"]
        assert_failure(await attempt(client, EMAIL, PASSWORD), 401, "invalid_credentials")
        created = await audited(client, admin, user_id=admin.id, event="administrator_created")
        assert [(event["actor_id"], event["ip"], event["session_id"]) for event in created] == [(None, None, None)]
    assert PASSWORD not in capsys.readouterr().err


@ON_SQLITE
async def test_item_23_a_password_by_mail_is_one_of_the_own_too(started: Starts, mailbox: Mailbox) -> None:
    async with started(smtp_url=mailbox.url) as client:
        data_of(await reset(client, await reset_token(client, mailbox, EMAIL)))

        assert data_of(await client.get("/api/users", headers=(await root(client, NEW)).headers))["items"]


async def test_item_23_it_works_once(started: Starts, file: Path, database: str) -> None:
    async with started() as client:
        data_of(await change(client, await root(client), PASSWORD))
    write(file, "another password from the file")

    async with started() as client:
        assert_failure(await attempt(client, EMAIL, "another password from the file"), 401, "invalid_credentials")
        assert_failure(await attempt(client, EMAIL, PASSWORD), 401, "invalid_credentials")
        assert await root(client, NEW)
    write(file, None)
    async with started(auth={"bootstrap_admin_email": "Not <an> address"}) as client:
        assert await root(client, NEW), "what does not count any more stops nothing"
    assert await emails(database) == {EMAIL}


async def test_item_23_a_renamed_administrator_does_not_come_back(
    started: Starts, mailbox: Mailbox, database: str
) -> None:
    async with started(smtp_url=mailbox.url) as client:
        admin = await root(client)
        data_of(await change_email(client, admin, "renamed@example.com"), 202)
        data_of(await confirm_change(client, admin, link_token(await mailbox.next_mail(to="renamed@example.com"))))

    async with started() as client:
        assert_failure(await attempt(client, EMAIL, PASSWORD), 401, "invalid_credentials")
        assert await root(client, email="renamed@example.com")
    assert await emails(database) == {"renamed@example.com"}


async def test_item_23_a_deleted_administrator_does_not_come_back(started: Starts, database: str) -> None:
    async with started() as client:
        first = await root(client)
        data_of(await change(client, first, PASSWORD))
        second = await sign_up_admin(client, first)
        data_of(await client.delete(f"/api/users/{first.id}", headers=second.headers))

    async with started() as client:
        assert_failure(await attempt(client, EMAIL, PASSWORD), 401, "invalid_credentials")
    assert await emails(database) == {second.email}


async def test_item_23_it_does_not_count_where_there_was_another_administrator(
    admin: Account, started: Starts, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with started() as client:
        assert_failure(await attempt(client, EMAIL, PASSWORD), 401, "invalid_credentials")

    assert await emails(database) == {admin.email}
    assert "bootstrap_ignored" in capsys.readouterr().err


@ON_SQLITE
@pytest.mark.parametrize(
    ("email", "content", "explanation"),
    [
        ("Canary <root@example.com>", PASSWORD.encode(), "AUTH_BOOTSTRAP_ADMIN_EMAIL"),
        ("canary", PASSWORD.encode(), "AUTH_BOOTSTRAP_ADMIN_EMAIL"),
        (EMAIL, None, "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE cannot be read"),
        (EMAIL, b"canary \xff\xfe canary canary", "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE cannot be read"),
        (EMAIL, b"", "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE"),
        (EMAIL, b"\ncanary purple tractors", "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE"),
        (EMAIL, b"canary" * 1000, "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE"),
        (EMAIL, b"canary-17", "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE: The password needs at least 15 characters"),
        (EMAIL, b"root@example.com canary", "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE: The password contains your name"),
    ],
)
async def test_item_23_what_cannot_be_used_stops_the_start_and_is_not_shown(  # noqa: PLR0913, PLR0917 - three are one case
    started: Starts,
    file: Path,
    database: str,
    capsys: pytest.CaptureFixture[str],
    email: str,
    content: bytes | None,
    explanation: str,
) -> None:
    write(file, content)

    with pytest.raises(SettingsError) as stopped:
        async with started(auth={"bootstrap_admin_email": email}):
            pytest.fail("it has started")

    logged = capsys.readouterr().err
    for text in (str(stopped.value), logged):
        assert explanation in text
        assert "canary" not in text.lower().replace(str(file).lower(), "")
    assert await emails(database) == set()


async def test_item_23_an_account_that_is_there_already_is_not_taken_over(
    make_app: MakeApp, started: Starts, file: Path
) -> None:
    async with client_of(make_app()) as client:
        data_of(await register(client, email=EMAIL), 201)

    with pytest.raises(SettingsError, match="has an account already, and whoever registered it may be somebody else"):
        async with started():
            pytest.fail("it has started")

    async with client_of(make_app()) as client:
        assert_failure(await attempt(client, EMAIL, PASSWORD), 401, "invalid_credentials")


@ON_SQLITE
@pytest.mark.parametrize("missing", ["bootstrap_admin_email", "bootstrap_admin_password_file"])
async def test_item_23_one_setting_without_the_other_is_refused(make_app: MakeApp, file: Path, missing: str) -> None:
    both = {"bootstrap_admin_email": EMAIL, "bootstrap_admin_password_file": file}
    with pytest.raises(ValueError, match="are set together"):
        make_app(auth={name: value for name, value in both.items() if name != missing})


async def test_item_23_a_server_is_started_with_it_or_says_why_not(sqlite_project: Project, file: Path) -> None:
    sqlite_project.alembic("upgrade", "heads")
    variables = {"AUTH_BOOTSTRAP_ADMIN_EMAIL": EMAIL, "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE": str(file)}
    project = replace(sqlite_project, variables=variables)
    write(file, "canary-17")

    refused = project.run("python", "-m", "uvicorn", "bootstrap:app", "--port", "0", check=False)
    assert refused.returncode != 0
    assert "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE: The password needs at least 15 characters" in refused.stderr
    assert "canary" not in refused.stderr

    write(file, f"{PASSWORD}\n")
    with serve(project) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            assert await root(client)
    assert PASSWORD not in "".join(server.output)
