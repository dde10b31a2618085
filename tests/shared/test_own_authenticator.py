"""Who is calling is known from any module's authenticator: `shared` and `users` know nothing of the one in `auth`."""

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure
from tests.conftest import Account, MakeApp, client_of
from tests.project import Project
from tests.shared.packages import MakeModules, declaration

ERRORS = """
from shared.errors import AppError

class ConditionsNotAccepted(AppError):
    status, code, message = 403, "conditions_not_accepted", "Accept the conditions first."
"""
# A key reads `<user id>` or `<user id>:new`, and brings the right to read users.
CONTAINER = """
from datetime import UTC, datetime
from uuid import UUID

from dependency_injector import containers, providers

from shared.context import Principal
from .errors import ConditionsNotAccepted

class KeyAuthenticator:
    denials = (ConditionsNotAccepted,)

    async def authenticate(self, token):
        user_id, _, is_new = token.partition(":")
        denied = ConditionsNotAccepted() if is_new else None
        return Principal(UUID(user_id), UUID(int=0), frozenset({"users:user.read"}), datetime.now(UTC), denied)

class Container(containers.DeclarativeContainer):
    authenticator = providers.Singleton(KeyAuthenticator)
"""
KEYS = {"keys/module.py": declaration(), "keys/errors.py": ERRORS, "keys/container.py": CONTAINER}


def key(account: Account, suffix: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {account.id}{suffix}"}


@pytest.fixture
async def app_with_keys(make_app: MakeApp, make_modules: MakeModules) -> FastAPI:
    return make_app(modules=make_modules(KEYS, besides=("modules",)), disabled_modules=("auth",))


@pytest.fixture
async def with_key(app_with_keys: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_with_keys) as client:
        yield client


async def test_me_is_the_same_whether_the_authenticator_brings_the_profile_or_not(
    client: httpx.AsyncClient, with_key: httpx.AsyncClient, user: Account
) -> None:
    await client.patch("/api/users/me", json={"nickname": "Ada"}, headers=user.headers)

    brought = await client.get("/api/users/me", headers=user.headers)
    read = await with_key.get("/api/users/me", headers=key(user))

    assert (brought.status_code, read.status_code) == (200, 200)
    assert brought.json()["data"] == read.json()["data"]
    assert read.json()["data"]["nickname"] == "Ada"


async def test_me_of_an_account_that_is_gone_asks_for_another_login(with_key: httpx.AsyncClient, user: Account) -> None:
    nobody = Account("0190b6e4-0000-7000-8000-000000000000", "", "", {})

    assert_failure(await with_key.get("/api/users/me", headers=key(nobody)), 401, "not_authenticated")


async def test_an_authenticator_states_why_it_denies_permissions(with_key: httpx.AsyncClient, user: Account) -> None:
    known = await with_key.get("/api/users", headers=key(user))
    new = await with_key.get("/api/users", headers=key(user, ":new"))
    own = await with_key.get("/api/users/me", headers=key(user, ":new"))

    assert known.status_code == 200
    assert_failure(new, 403, "conditions_not_accepted")
    assert own.status_code == 200


async def test_the_document_has_the_reasons_of_the_authenticator_that_is_there(app_with_keys: FastAPI) -> None:
    responses = app_with_keys.openapi()["paths"]["/api/users"]["get"]["responses"]

    assert list(responses["403"]["content"]["application/json"]["examples"]) == [
        "permission_denied",
        "conditions_not_accepted",
    ]


def test_a_field_of_the_answer_that_is_no_column_is_no_matter_of_the_authenticator(sqlite_project: Project) -> None:
    schemas = sqlite_project.path / "modules/users/schemas.py"
    field = '    email: str = Field(description="The address as its owner writes it."'
    text = schemas.read_text(encoding="utf-8")
    assert field in text
    schemas.write_text(text.replace(field, f'    greeting: str = "Hello."\n{field}'), encoding="utf-8")

    sqlite_project.run("python", "-c", "import modules.auth.container")
