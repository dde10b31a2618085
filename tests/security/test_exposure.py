"""What answers contain: asked of every operation there is, and compared with what the database keeps to itself."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from shared.container import Runtime
from shared.database import Base
from shared.testing.applications import SECRET
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.recovery import reset_token
from tests.auth.roles import make_role
from tests.auth.test_invitation import invite
from tests.conftest import UNLIMITED, Account, MakeApp, log_in, sign_up
from tests.project import BUILT_IN
from tests.security.operations import Operation, operations_of

# What is in an answer does not depend on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

# Names of what is kept to itself, in tables as in answers.
SECRET_NAME = re.compile(r"hash|passw|secret|salt|pepper|credential|private|counter|auth_version")
SECRET_VALUE = re.compile(r"\$2[abxy]\$|bcrypt-|argon2|BEGIN [A-Z ]*PRIVATE")
TOKEN_NAME = re.compile(r"token")
GIVES_TOKENS = {"login_user", "refresh_session"}
TOKENS = {"access_token", "refresh_token", "token_type"}
# It tells that there is something to do, and nothing of the password.
HARMLESS = {"must_change_password"}


@pytest.fixture
def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED, smtp_url=mailbox.url)


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from names_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from names_in(one)


async def kept_secrets(app: FastAPI) -> set[str]:
    """Every value of the database that stands in a column named like a secret, in the ways it could be written."""
    runtime: Runtime = app.state.runtime
    columns = [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if SECRET_NAME.search(column.name) and column.type.python_type in {str, bytes}
    ]
    assert len(columns) > 2
    found: set[str] = set()
    async with runtime.shared.database().read() as session:
        for column in columns:
            for value in await session.scalars(select(column).where(column.is_not(None))):
                if isinstance(value, bytes):
                    found |= {value.hex(), base64.b64encode(value).decode(), base64.urlsafe_b64encode(value).decode()}
                else:
                    found.add(value)
    return found


async def body_of(operation: Operation, client: httpx.AsyncClient, caller: Account, mailbox: Mailbox) -> dict[str, Any]:
    """One that is accepted, for what no schema tells."""
    body = operation.sample()
    if "current_password" in body:
        body["current_password"] = caller.password
    if operation.id == "login_user":
        body = {"email": caller.email, "password": caller.password}
    if operation.id == "refresh_session":
        body = {"refresh_token": caller.tokens["refresh_token"]}
    if operation.id in {"verify_email", "disown_email"}:
        body = {"token": link_token(await mailbox.next_mail(to=caller.email))}
    if operation.id == "reset_password":
        body["token"] = await reset_token(client, mailbox, caller.email)
    if operation.id == "confirm_email_change":
        change = {"new_email": f"new-{caller.email}", "current_password": caller.password}
        await client.post("/api/auth/email/change", json=change, headers=caller.headers)
        body = {"token": link_token(await mailbox.next_mail(to=change["new_email"]))}
    return body


async def answers_to(
    operation: Operation, client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> list[httpx.Response]:
    """Once as it should be, with people and things of its own, and then as it should not."""
    caller, another = await sign_up(client), await sign_up(client)
    session = (await log_in(client, caller.email, caller.password))["session_id"]
    whom = another.id
    if operation.id == "invite_user_again":
        whom = (await invite(client, admin, f"invited-{another.email}"))["id"]
    url = operation.url(user_id=whom, session_id=session, name=await make_role(client, admin, "users:user.read"))
    headers = {} if operation.is_public else (admin if operation.permissions else caller).headers
    body = operation.content()
    if operation.body is not None:
        body = {"json": await body_of(operation, client, caller, mailbox)}
    return [
        await client.request(operation.method, url, headers=headers, **body),
        await client.request(operation.method, url, headers=headers, **body),
        await client.request(operation.method, url, headers=caller.headers, json=[caller.password]),
        await client.request(operation.method, url, json={"password": caller.password, "canary": caller.password}),
        await client.request(operation.method, operation.url(), headers=admin.headers, content=b"{"),
    ]


@pytest.mark.module_rules
async def test_item_53_no_answer_of_any_operation_holds_a_secret(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    faults, not_reached = [], []
    answers: list[tuple[Operation, httpx.Response]] = []
    for operation in operations_of(app):
        found = await answers_to(operation, client, admin, mailbox)
        if operation.module in BUILT_IN and not found[0].is_success:
            not_reached.append(f"{operation}: {found[0].text}")
        answers += [(operation, answer) for answer in found]
    secrets = await kept_secrets(app) | {SECRET, admin.password}

    for operation, answer in answers:
        text = answer.text + str(answer.headers)
        given = TOKENS if operation.id in GIVES_TOKENS else set()
        names = [name for name in names_in(content_of(answer)) if name not in given | HARMLESS]
        faults += [f"{operation} has {name}" for name in names if SECRET_NAME.search(name) or TOKEN_NAME.search(name)]
        faults += [f"{operation}: {answer.text}" for _ in SECRET_VALUE.findall(text)]
        faults += [f"{operation} tells {secret!r}" for secret in secrets if secret in text]
        if (password := _password_in(answer.request)) and password in text:
            faults.append(f"{operation} gives the password back: {answer.text}")

    assert not_reached == []
    assert faults == []
    assert len(secrets) > 100


def content_of(answer: httpx.Response) -> Any:
    """Nothing for a file or a stream, which have no names: what is in them is looked through as text."""
    return answer.json() if answer.headers["content-type"] == "application/json" else None


def _password_in(request: httpx.Request) -> str | None:
    if request.headers.get("content-type", "").startswith("multipart/"):  # no password of ours is in a file
        return None
    try:
        body = json.loads(request.content)
    except ValueError:
        return None
    if isinstance(body, list):
        return str(body[0]) if body else None
    return next((value for name, value in body.items() if "password" in name), None)


async def test_item_53_what_is_public_holds_no_secret_either(app: FastAPI, client: httpx.AsyncClient) -> None:
    for path in ("/", "/api/health", "/api/ready", "/.well-known/jwks.json"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert not any(SECRET_NAME.search(name) for name in names_in(answer.json())), answer.text
        assert SECRET not in answer.text
