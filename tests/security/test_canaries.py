"""Secrets go through every flow and every failure, and are looked for in the log, in the answers and in the tables."""

import asyncio
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import make_url
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from shared.container import Runtime
from shared.database import Base
from shared.testing import databases
from shared.testing.mailbox import Mailbox, open_mailbox
from tests.conftest import UNLIMITED, MakeApp, client_of, sign_up
from tests.factories import RegisterRequestFactory
from tests.project import FIXTURES, Project, copy_project, free_port, read_along, serve
from tests.security.canaries import Canaries, Walk, leave_links_unused, walk_an_account, walk_an_administrator

ADMIN = "root@example.com"
SECRET_FIELDS = {"password", "current_password", "new_password", "token", "refresh_token"}
CONTENT_TYPES = ("application/json", "text/plain", "application/x-www-form-urlencoded")
# Each ends in an unexpected exception on at least one of the databases.
PROBES = ("queries", "conversions", "duplicates", "shapes", "answers")


async def refused_input(walk: Walk, headers: dict[str, str]) -> None:
    """Of every operation that takes a secret: bodies that are faulty in every way but one."""
    document = (await walk.client.get("/openapi.json")).json()
    asked: set[str] = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            fields = _body_fields(document, operation) & SECRET_FIELDS
            for field in fields:
                secret = walk.canaries.new(f"{field} in a faulty body")
                asked.add(path)
                for content in _faulty_bodies(field, secret):
                    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
                        await walk(
                            f"{method.upper()} {path}", content=content, headers=headers | {"Content-Type": kind}
                        )
    assert len(asked) > 5


def _body_fields(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return set(document["components"]["schemas"].get(reference, {}).get("properties", ()))


def _faulty_bodies(field: str, secret: str) -> Iterator[str]:
    for body in (
        {field: secret},
        {field: [secret]},
        {field: {secret: secret}},
        {field: secret * 500},
        [secret],
        secret,
    ):
        yield json.dumps(body)
    yield json.dumps({field: f"{secret}\ud800"})
    yield f'{{"{field}": "{secret}", nonsense}}'
    yield f'{{"{field}": "{secret}'
    yield json.dumps({field: secret}) + " " * 1_048_576


async def odd_authorizations(walk: Walk, address: str) -> None:
    for scheme in ("Bearer ", "Basic ", "bearer  ", "", "Bearer eyJhbGciOiJub25lIn0.", "Bearer Bearer "):
        authorization = scheme + walk.canaries.new("what is in an Authorization header")
        for path in ("/api/users/me", "/api/health", "/api/nothing"):
            await walk(f"GET {path}", headers={"Authorization": authorization})
            await walk(f"GET {path}", headers=[("Authorization", authorization), ("Authorization", authorization)])
        with pytest.raises(InvalidStatus):
            async with connect(f"{address}/api/socket", additional_headers={"Authorization": authorization}):
                pass


async def unexpected_failures(walk: Walk) -> None:
    for path in PROBES:
        headers = {"Authorization": f"Bearer {walk.canaries.new('a header of a request that fails')}"}
        secret = walk.canaries.new(f"what was in a statement of {path}")
        await walk(f"POST /api/probe/{path}", json={"text": f"{secret}@example.com"}, headers=headers)
    await walk("GET /api/probe/crash", expected=500, headers=headers)


def in_tables(canaries: Canaries, database: str) -> list[tuple[str, list[str]]]:
    """Which columns of which tables hold secrets."""
    found = []
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            quoted = f"{table.name}.{column.name}"
            rows = databases.execute(database, f"SELECT {quoted} FROM {table.name}")
            text = "\n".join(one.decode("latin-1") if isinstance(one, bytes) else str(one) for (one,) in rows)
            found.append((quoted, canaries.in_text(text)))
    return [(column, names) for column, names in found if names]


@pytest.fixture
async def guarded_mailbox() -> AsyncIterator[Mailbox]:
    """A mail server that wants a password."""
    async with open_mailbox(users={"postman": f"canary-{secrets.token_hex(16)}"}) as mailbox:
        yield mailbox


@pytest.fixture
def careless(tmp_path: Path, database: str, guarded_mailbox: Mailbox) -> tuple[Project, Canaries]:
    """The project with a module that fails on purpose, a log at its most talkative, and secrets in every setting."""
    canaries = Canaries()
    canaries.known("the mail server's password", guarded_mailbox.users["postman"])
    project = Project(copy_project(tmp_path / "project"), database)
    shutil.copytree(FIXTURES / "probes" / "probe", project.path / "modules" / "probe")
    file = tmp_path / "password.txt"
    file.write_text(canaries.new("the bootstrap password"), encoding="utf-8")
    url = make_url(database)
    if url.get_backend_name() == "postgresql":  # which lets anybody in here; MariaDB's root has no password
        url = url.set(password=canaries.new("the database's password"))
    variables = {f"AUTH_{name}".upper(): limit for name, limit in UNLIMITED.items()} | {
        "DEBUG": "true",
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "JWT_SECRET_KEY": canaries.new("the signing key"),
        "SMTP_URL": guarded_mailbox.url,
        # Nobody listens there.
        "THROTTLE_STORAGE": f"redis://:{canaries.new('the password of Redis')}@127.0.0.1:1/0",
        "AUTH_LOGIN_LIMIT_PER_ADDRESS": "10000/minute",
        "AUTH_BOOTSTRAP_ADMIN_EMAIL": ADMIN,
        "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE": str(file),
        "APP_PORT": str(free_port()),
    }
    return replace(project, variables=variables), canaries


async def test_item_78_no_secret_is_in_the_log_the_answers_or_the_tables(
    careless: tuple[Project, Canaries], guarded_mailbox: Mailbox, database: str
) -> None:
    project, canaries = careless
    visible = secrets.token_hex(8)
    with serve(project, "bootstrap.py") as server, read_along(server):
        async with httpx.AsyncClient(base_url=server.address) as client:
            walk = Walk(client, guarded_mailbox, canaries)
            (bootstrap,) = [one for one, name in canaries.secrets.items() if name == "the bootstrap password"]
            await walk_an_account(walk)
            await leave_links_unused(walk)
            headers = await walk_an_administrator(walk, ADMIN, bootstrap)
            await refused_input(walk, headers)
            await odd_authorizations(walk, server.address.replace("http", "ws"))
            await unexpected_failures(walk)
            await walk("PATCH /api/users/me", expected=200, headers=headers, json={"nickname": visible})
            await walk(f"GET /api/{visible}", expected=401)
    log = "".join(server.output)

    assert walk.leaks() == []
    assert canaries.in_log(log) == []
    assert await asyncio.to_thread(in_tables, canaries, database) == []
    passwords = [secret for secret, name in canaries.secrets.items() if "link" not in name]
    assert [one for one in passwords if any(one in mail.as_string() for mail in guarded_mailbox.mails)] == []

    # What ought to be found is found: the search can see.
    for event in ("unhandled_exception", "background_task_failed", "throttle_degraded", "bootstrap_done"):
        assert event in log
    canaries.known("a nickname, and a path", visible)
    assert canaries.in_log(log) == ["a nickname, and a path"]
    assert await asyncio.to_thread(in_tables, canaries, database) == [
        ("users.nickname", ["a nickname, and a path"]),
        ("users.nickname_key", ["a nickname, and a path"]),
    ]
    for answer in walk.answers:
        answer.purpose.clear()
    assert {asked for asked, names in walk.leaks()} >= {"POST /api/auth/login", "POST /api/auth/refresh"}


@pytest.mark.parametrize("refusal", ["recipient", "login"])
async def test_item_78_a_mail_that_is_refused_leaves_nothing_of_itself_in_the_log(
    make_app: MakeApp, guarded_mailbox: Mailbox, capsys: pytest.CaptureFixture[str], refusal: str
) -> None:
    canaries, password = Canaries(), guarded_mailbox.users["postman"]
    canaries.known("the mail server's password", password)
    request = RegisterRequestFactory.build(email=canaries.address("ada"))
    if refusal == "login":
        guarded_mailbox.users = {"postman": "another password"}
    else:
        guarded_mailbox.answers.append(f"550 5.1.1 <{request.email}> is nobody here, says {password}")
    app = make_app(smtp_url=guarded_mailbox.url, debug=True)
    runtime: Runtime = app.state.runtime

    async with client_of(app) as client:
        await sign_up(client, request)
    await runtime.shared.background().close()

    log = capsys.readouterr().err
    assert "background_task_failed" in log
    assert "MailNotSent" in log
    assert "#token=" not in log
    assert canaries.in_log(log) == []


async def test_item_78_a_database_that_refuses_us_hears_a_password_that_the_log_does_not(
    make_app: MakeApp, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    canaries, url = Canaries(), make_url(database)
    if url.get_backend_name() == "sqlite":
        pytest.skip("a file has no password")
    # PostgreSQL lets anybody in here, but not into what does not exist.
    url = url.set(database=f"nothing_{secrets.token_hex(4)}", password=canaries.new("the database's password"))
    app = make_app(database_url=url.render_as_string(hide_password=False), debug=True)

    async with client_of(app) as client:
        answer = await client.post("/api/auth/login", json={"email": "a@x.io", "password": canaries.new("a password")})

    log = capsys.readouterr().err
    assert answer.status_code == 503
    assert "unavailable" in log
    assert canaries.in_log(log) == canaries.in_text(answer.text) == []
