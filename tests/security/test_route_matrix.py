"""Every door of the application, for every method and caller, however its path is spelled: never a wrong decision.

What is asked is taken from the application, so a new module is covered without a test of its own.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import jwt
import pytest
from dependency_injector import providers
from fastapi import FastAPI

from modules.auth.container import Container as AuthContainer
from shared.access import Authenticator
from shared.access.table import AccessTable
from shared.assembly.discovery import discover
from shared.container import Runtime
from shared.context import Principal
from tests.api.asgi import Answer, Header, bearer, open_websocket, request
from tests.architecture.test_access import DOCUMENTATION, PUBLIC
from tests.conftest import UNLIMITED, Account, MakeApp, log_in
from tests.security.access_model import (
    ANYTHING,
    METHOD_NOT_ALLOWED,
    METHODS,
    NOT_AUTHENTICATED,
    NOT_FOUND,
    OPEN,
    PERMISSION_DENIED,
    STATUS,
    WEBSOCKET,
    Door,
    doors_at,
    doors_of,
    spellings,
    verdict,
)

# Nothing here depends on the database.
pytestmark = [pytest.mark.module_rules, pytest.mark.parametrize("backend", ["sqlite"], indirect=True)]

PUBLIC_DOORS = [
    "GET /api/doors/fixed-first",
    "GET /api/doors/several",
    "MOUNT /api/doors/open-mounted",
    "WEBSOCKET /api/doors/open-socket",
]


@dataclass(frozen=True)
class Somebody:
    """A caller: what is sent along, and what it is good for."""

    headers: tuple[Header, ...]
    permissions: frozenset[str] | None


Callers = dict[str, Somebody]


class RememberingAuthenticator:
    """Asks once about each token: the matrix is about doors, and what passes one of them may end the session."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._known: dict[str, Principal | None] = {}

    async def authenticate(self, token: str) -> Principal | None:
        if token not in self._known:
            self._known[token] = await self._authenticator.authenticate(token)
        return self._known[token]


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    """With routes of every kind besides: tests/fixtures/doors."""
    app = make_app(auth=UNLIMITED, modules=discover("modules", "tests.fixtures.doors"))
    provider = app.state.runtime.of(AuthContainer).authenticator
    provider.override(providers.Object(RememberingAuthenticator(provider())))
    return app


@pytest.fixture
def doors(app: FastAPI) -> list[Door]:
    return doors_of(app, [*PUBLIC, *DOCUMENTATION, *PUBLIC_DOORS])


@pytest.fixture
def callers(app: FastAPI, user: Account, admin: Account) -> Callers:
    runtime: Runtime = app.state.runtime
    declared = runtime.shared.permissions()
    by_default = frozenset(permission.name for permission in declared if permission.by_default)
    everything = frozenset(permission.name for permission in declared)
    return {
        "nobody": Somebody((), None),
        "garbage": Somebody((bearer("eyJ.garbage"),), None),
        "expired": Somebody((bearer(expired(runtime, user)),), None),
        "user": Somebody((bearer(user.tokens["access_token"]),), by_default),
        "administrator": Somebody((bearer(admin.tokens["access_token"]),), everything),
    }


def expired(runtime: Runtime, user: Account) -> str:
    """The user's own token, as it would be after its time."""
    claims = jwt.decode(user.tokens["access_token"], options={"verify_signature": False})
    key_id, key = next(iter(runtime.shared.keys().keys("access").items()))
    claims["exp"] = datetime.now(UTC) - timedelta(minutes=1)
    return jwt.encode(claims, key, "HS256", {"typ": "at+jwt", "kid": key_id})


@pytest.fixture
async def fillings(client: httpx.AsyncClient, user: Account) -> list[dict[str, str]]:
    """For the parameters of paths: what is there, and what is not."""
    another = await log_in(client, user.email, user.password)
    real = {"user_id": user.id, "session_id": another["session_id"], "name": "user"}
    return [Anything(real), Anything({})]


class Anything(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return str(uuid4())


@pytest.fixture
def _quiet() -> Iterator[None]:
    """Tens of thousands of lines that nobody reads."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def decided(answer: Answer) -> str:
    """What became of the request at the door, by its answer."""
    for code, status in STATUS.items():
        if answer.code == code:
            assert answer.status == status
            assert (b"www-authenticate" in answer.headers) is (code in {NOT_AUTHENTICATED, PERMISSION_DENIED})
            return code
    return OPEN if answer.status < 500 else f"broke with {answer.status}"


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("caller", ["nobody", "garbage", "expired", "user", "administrator"])
async def test_item_57_no_method_caller_or_spelling_gets_a_wrong_decision(
    app: FastAPI, doors: list[Door], callers: Callers, fillings: list[dict[str, str]], caller: str
) -> None:
    somebody = callers[caller]
    wrong, seen = [], set()
    paths = {door.filled(values) for door in doors for values in fillings}
    for target in sorted({spelling for path in paths for spelling in spellings(path)}):
        there = doors_at(doors, target)
        for method in METHODS:
            expected = verdict(there, method, somebody.permissions)
            found = decided(await request(app, method, target, *somebody.headers))
            seen.add(found)
            # Of a module whose endpoint may answer `not_found` itself, the code does not tell whether it was reached.
            is_own = expected == OPEN and found == NOT_FOUND and any(door.answers_not_found for door in there)
            if found != expected and not is_own:
                wrong.append(f"{method} {target} as {caller}: {found}, not {expected}")

    assert wrong == []
    # The matrix is no loop over nothing: each decision has been taken.
    unknown = {METHOD_NOT_ALLOWED, OPEN}
    if somebody.permissions is None:
        assert seen == unknown | {NOT_AUTHENTICATED}
    else:
        assert seen == unknown | {NOT_FOUND} | ({PERMISSION_DENIED} if caller == "user" else set())


@pytest.mark.usefixtures("_quiet")
async def test_item_60_no_websocket_opens_for_the_wrong_caller(
    app: FastAPI, doors: list[Door], callers: Callers, fillings: list[dict[str, str]]
) -> None:
    wrong, opened = [], set()
    targets = {spelling for door in doors for values in fillings for spelling in spellings(door.filled(values))}
    for target in sorted(targets):
        there = doors_at(doors, target)
        for name, somebody in callers.items():
            events = await open_websocket(app, target, *somebody.headers)
            was_opened = events[0]["type"] == "websocket.accept"
            expected = verdict(there, WEBSOCKET, somebody.permissions)
            if was_opened:
                opened.add((name, target))
            # A mounted application that was reached may still have no websocket there.
            if was_opened and expected != OPEN:
                wrong.append(f"{target} as {name}: opened, in spite of {expected}")

    assert wrong == []
    assert {("nobody", "/api/doors/open-socket"), ("user", "/api/doors/socket")} <= opened
    assert ("administrator", "/api/doors/guarded/socket") in opened


async def test_the_matrix_has_every_route(app: FastAPI, doors: list[Door]) -> None:
    table: AccessTable = app.state.access
    routes = {(method, rule.path) for rule in table.routes for method in rule.methods}
    routes |= {("HEAD", path) for method, path in routes if method == "GET"}

    assert {(door.method, door.path) for door in doors if door.method in METHODS} == routes
    assert sum(door.method == ANYTHING for door in doors) >= 4
    assert sum(door.method == WEBSOCKET for door in doors) >= 3
    assert sum(bool(door.permissions) for door in doors) > 15
    # Two lists by different hands: what the document says needs no token, and what was written down as public.
    described: dict[str, Any] = app.openapi()["paths"]
    without_token = {
        f"{method.upper()} {path}"
        for path, operations in described.items()
        for method, operation in operations.items()
        if not operation["security"]
    }
    public = {(door.method, door.path) for door in doors if door.is_public and door.path in described}
    assert without_token == {f"{method} {path}" for method, path in public if method != "HEAD"}
