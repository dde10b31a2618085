"""Accounts for all tests: the fixtures `user`, `admin` and `caller_with`, and the functions behind them."""

from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
from faker import Faker
from fastapi import FastAPI
from polyfactory import Use
from polyfactory.factories.pydantic_factory import ModelFactory

from modules.auth.container import Container
from modules.auth.schemas import RegisterRequest
from shared.container import Runtime
from shared.testing import Account, CallerWith, data_of

SETTINGS = {"bcrypt_cost": 4}
"""The fastest hashes."""

_numbers = count(1)
_faker = Faker()


def _email() -> str:
    return f"person{next(_numbers)}@example.com"


def _password() -> str:
    # Only letters and digits that no name, address or service contains.
    return _faker.password(length=24, special_chars=False)


class RegisterRequestFactory(ModelFactory[RegisterRequest]):
    email = Use(_email)
    password = Use(_password)
    nickname = None
    locale = None


async def sign_up(client: httpx.AsyncClient, request: RegisterRequest | None = None) -> Account:
    """Register and log in."""
    request = request or RegisterRequestFactory.build()
    registered = data_of(await client.post("/api/auth/register", json=request.model_dump(mode="json")), 201)
    return Account(
        registered["id"], request.email, request.password, await log_in(client, request.email, request.password)
    )


async def log_in(client: httpx.AsyncClient, email: str, password: str) -> dict[str, Any]:
    """Returns the tokens."""
    tokens: dict[str, Any] = data_of(await client.post("/api/auth/login", json={"email": email, "password": password}))
    return tokens


async def make_admin(app: FastAPI, client: httpx.AsyncClient) -> Account:
    runtime: Runtime = app.state.runtime
    request = RegisterRequestFactory.build()
    created = await runtime.of(Container).registration_service().create_admin(request)
    return Account(
        str(created.id), request.email, request.password, await log_in(client, request.email, request.password)
    )


def new_role(**values: object) -> dict[str, Any]:
    return {"name": f"role-{next(_numbers)}", "description": "For a test.", "permissions": []} | values


async def make_role(client: httpx.AsyncClient, by: Account, *permissions: str) -> str:
    """Returns the name."""
    role = new_role(permissions=permissions)
    data_of(await client.post("/api/auth/roles", headers=by.headers, json=role), 201)
    return str(role["name"])


async def set_roles(client: httpx.AsyncClient, by: Account, user_id: str, *roles: str) -> httpx.Response:
    return await client.put(f"/api/auth/users/{user_id}/roles", headers=by.headers, json={"roles": roles})


async def sign_up_with(client: httpx.AsyncClient, admin: Account, *permissions: str) -> Account:
    """A user with these permissions besides those that every account has."""
    account = await sign_up(client)
    data_of(await set_roles(client, admin, account.id, "user", await make_role(client, admin, *permissions)))
    return account


@pytest.fixture
async def user(client: httpx.AsyncClient) -> Account:
    """A plain user, logged in."""
    return await sign_up(client)


@pytest.fixture
async def admin(app: FastAPI, client: httpx.AsyncClient) -> Account:
    """An administrator, logged in."""
    return await make_admin(app, client)


@pytest.fixture
def caller_with(client: httpx.AsyncClient, admin: Account) -> CallerWith:
    """Log in a new user, who has these permissions besides those that every account has."""

    async def make(*permissions: str) -> Account:
        return await sign_up_with(client, admin, *permissions)

    return make
