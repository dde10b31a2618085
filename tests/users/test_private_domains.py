"""Addresses of domains that the internet does not have: refused unless the operator of this application allows them."""

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI
from pydantic import ValidationError

from modules.users.container import Container as UsersContainer
from modules.users.settings import Settings
from shared.container import Runtime
from shared.testing.envelope import data_of, input_errors
from tests.conftest import UNLIMITED, Account, MakeApp, client_of

PASSWORD = "seven purple tractors sing"


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED)


def allowing(app: FastAPI, *domains: str) -> FastAPI:
    runtime: Runtime = app.state.runtime
    settings = Settings.as_delivered(private_domains=domains)
    runtime.of(UsersContainer).settings.override(providers.Object(settings))
    return app


async def register(client: httpx.AsyncClient, email: str) -> httpx.Response:
    return await client.post("/api/auth/register", json={"email": email, "password": PASSWORD})


@pytest.mark.parametrize(
    "domain", ["corp.local", "b.test", "local", "x.localhost", "a.invalid", "x.onion", "CORP.Local"]
)
async def test_a_domain_for_private_use_is_refused_and_the_message_says_what_allows_it(
    client: httpx.AsyncClient, domain: str
) -> None:
    answer = await register(client, f"ada@{domain}")

    assert input_errors(answer) == [(("body", "email"), "email_domain_private")]
    assert "USERS_PRIVATE_DOMAINS" in answer.json()["data"]["errors"][0]["msg"]


async def test_wherever_an_address_is_given(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    invited = await client.post("/api/users", json={"email": "a@corp.local"}, headers=admin.headers)
    assert input_errors(invited) == [(("body", "email"), "email_domain_private")]
    change = {"new_email": "a@corp.local", "current_password": user.password}
    changed = await client.post("/api/auth/email/change", json=change, headers=user.headers)
    assert input_errors(changed) == [(("body", "new_email"), "email_domain_private")]


async def test_the_operator_allows_domains_in_one_application_and_not_in_another(make_app: MakeApp) -> None:
    first = allowing(make_app(auth=UNLIMITED), "corp.local", "test")
    second = make_app(auth=UNLIMITED)

    async with client_of(first) as client:
        for email in ("Ada@Corp.Local", "b@sub.corp.local", "c@b.test", "d@test", "e@example.com"):
            assert data_of(await register(client, email), 201)["email"].endswith(email.rpartition("@")[2].lower())
        assert input_errors(await register(client, "a@other.local"))
        assert input_errors(await register(client, "a@evilcorp.local"))
        taken = await register(client, "ada@corp.local")
        assert taken.json()["code"] == "email_taken"
        login = await client.post("/api/auth/login", json={"email": "ADA@corp.local", "password": PASSWORD})
        assert login.status_code == 200
    async with client_of(second) as client:
        assert input_errors(await register(client, "z@corp.local"))


async def test_what_is_no_address_stays_none(make_app: MakeApp) -> None:
    async with client_of(allowing(make_app(auth=UNLIMITED), "local")) as client:
        for email in ("a b@local", "@local", "a@-x.local", "a@.local", "a@x..local", "local", "A <a@x.local>"):
            assert input_errors(await register(client, email)) == [(("body", "email"), "email_invalid")], email


def test_the_setting_takes_names_of_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS_PRIVATE_DOMAINS", "Local, .corp.internal")
    assert Settings(_env_file=None).private_domains == ("local", "corp.internal")
    for wrong in ("*", "*.local", "a@b", "http://x", "a..b"):
        monkeypatch.setenv("USERS_PRIVATE_DOMAINS", wrong)
        with pytest.raises(ValidationError, match="list domains such as local"):
            Settings(_env_file=None)
