"""A 201 says where the new resource is found."""

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.access.table import AccessTable
from shared.http.created import location_of
from shared.testing.envelope import data_of
from tests.conftest import Account, MakeApp, log_in
from tests.project import BUILT_IN

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

PASSWORD = "seven purple tractors sing"


def creating(app: FastAPI) -> list[APIRoute]:
    table: AccessTable = app.state.access
    routes = [rule.context.original_route for rule in table.routes]
    return [route for route in routes if isinstance(route, APIRoute) and route.status_code == 201]


@pytest.mark.module_rules
async def test_every_route_that_creates_says_where(app: FastAPI) -> None:
    routes = creating(app)

    assert len(routes) >= 3
    for route in routes:
        asked = [dependency.call for dependency in route.dependant.dependencies]
        assert location_of in asked, f"{route.path}: write `created: Created`, and call it"


async def test_the_location_can_be_read_by_whoever_made_the_resource(
    app: FastAPI, client: httpx.AsyncClient, admin: Account
) -> None:
    asked = {
        "/api/users": (admin.headers, {"email": "grace@example.com"}, "/api/users/{id}"),
        "/api/auth/roles": (admin.headers, {"name": "editor"}, "/api/auth/roles/{name}"),
        "/api/auth/register": ({}, {"email": "ada@example.com", "password": PASSWORD}, "/api/users/me"),
    }
    table: AccessTable = app.state.access
    rules = [rule for rule in table.routes if getattr(rule.context.original_route, "status_code", None) == 201]
    assert {rule.path for rule in rules if set(rule.context.tags) & BUILT_IN} == set(asked)
    for path, (headers, body, location) in asked.items():
        created = await client.post(path, headers=headers, json=body)
        made = data_of(created, 201)
        assert created.headers["location"] == location.format_map(made)
        if not headers:
            tokens = await log_in(client, body["email"], body["password"])
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}  # noqa: PLW2901 - those of the new account
        read = data_of(await client.get(created.headers["location"], headers=headers))
        assert {name: read[name] for name in body if name != "password"} == {
            name: value for name, value in body.items() if name != "password"
        }


async def test_a_refusal_has_no_location(client: httpx.AsyncClient, admin: Account) -> None:
    answer = await client.post("/api/users", headers=admin.headers, json={"email": admin.email})

    assert answer.status_code == 409
    assert "location" not in answer.headers


async def test_below_a_path_of_a_proxy_the_location_stays_right(make_app: MakeApp) -> None:
    transport = httpx.ASGITransport(app=make_app(), root_path="/svc")
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        body = {"email": "ada@example.com", "password": PASSWORD}
        created = await client.post("/svc/api/auth/register", json=body)

    assert created.headers["location"] == "/svc/api/users/me"
