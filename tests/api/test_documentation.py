"""/docs and /redoc come from this machine, under a content policy, and log in with e-mail address and password."""

import re
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from shared.assembly import documentation
from shared.testing.envelope import assert_failure, data_of
from tests.architecture.test_access import DOCUMENTATION
from tests.conftest import Account, MakeApp, client_of

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

TOKEN = "/api/auth/token"
PAGES = ("/docs", "/redoc")


@pytest.fixture
async def live(make_app: MakeApp) -> AsyncIterator[httpx.AsyncClient]:
    """In production."""
    app = make_app(app_env="production", allow_sqlite_in_production=True, jwt_secret_key="7Kq2vXw9Zr4Lm8Np3Tb6" * 2)
    async with client_of(app) as client:
        yield client


async def test_the_pages_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    for page in PAGES:
        answer = await client.get(page)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        links = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert len(links) >= 4
        for link in links:
            assert not link.startswith(("/", "http")), link
            assert (await client.get(f"/{link}")).status_code == 200, link
        # No script stands in the page itself: the policy would not run it.
        assert re.findall(r"<script(?! src=)|\son\w+=|style=", answer.text) == []


async def test_the_pages_have_a_content_policy(client: httpx.AsyncClient) -> None:
    for page in PAGES:
        policy = (await client.get(page)).headers["content-security-policy"]
        allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert allowed["default-src"] == "'none'"
        assert allowed["script-src"] == allowed["connect-src"] == "'self'"
        assert allowed["frame-ancestors"] == "'none'"
        assert "http" not in policy


async def test_a_title_is_text(make_app: MakeApp) -> None:
    async with client_of(make_app(app_name="<script>alert(1)</script> & $co")) as client:
        for page in PAGES:
            text = (await client.get(page)).text
            assert "<title>&lt;script&gt;alert(1)&lt;/script&gt; &amp; $co</title>" in text


async def test_without_the_package_the_pages_say_what_to_do(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "PACKAGE", "no_such_package")
    async with client_of(make_app()) as client:
        for page in PAGES:
            answer = await client.get(page)
            assert answer.headers["content-type"].startswith("text/plain")
            assert "uv sync" in answer.text


async def test_the_document_for_generators_knows_no_form(client: httpx.AsyncClient) -> None:
    plain, shown = (await client.get("/openapi.json")).json(), (await client.get("/docs/openapi.json")).json()

    assert "password" not in plain["components"]["securitySchemes"]
    form = shown["components"]["securitySchemes"].pop("password")
    assert form["flows"]["password"]["tokenUrl"] == TOKEN
    assert TOKEN not in plain["paths"]
    assert {"password": []} in shown["paths"]["/api/users/me"]["get"]["security"]
    for operations in shown["paths"].values():
        for operation in operations.values():
            if {"password": []} in operation.get("security", []):
                operation["security"].remove({"password": []})
    assert shown == plain


async def test_the_form_logs_in(client: httpx.AsyncClient, user: Account) -> None:
    sent = {"grant_type": "password", "username": user.email, "password": user.password, "scope": ""}
    # Swagger UI names a client without a name.
    answer = await client.post(TOKEN, data=sent, headers={"Authorization": "Basic Og=="})

    assert answer.status_code == 200
    token = answer.json()
    assert set(token) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert token["token_type"] == "Bearer"
    me = await client.get("/api/users/me", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert data_of(me)["email"] == user.email


async def test_the_form_takes_signs_as_forms_write_them(client: httpx.AsyncClient) -> None:
    account = {"email": "ada+form@example.com", "password": "a+b c&d=é%20 purple tractors"}
    assert (await client.post("/api/auth/register", json=account)).status_code == 201

    answer = await client.post(TOKEN, data={"username": account["email"], "password": account["password"]})

    assert answer.status_code == 200


async def test_the_form_and_the_login_have_the_same_limits(make_app: MakeApp) -> None:
    async with client_of(make_app(auth={"login_failure_limit_per_account": "2/hour"})) as client:
        for _ in range(2):
            wrong = await client.post(TOKEN, data={"username": "ada@example.com", "password": "wrong"})
            assert_failure(wrong, 401, "invalid_credentials")
        for answer in (
            await client.post(TOKEN, data={"username": "ada@example.com", "password": "wrong"}),
            await client.post("/api/auth/login", json={"email": "ada@example.com", "password": "wrong"}),
        ):
            assert_failure(answer, 429, "too_many_requests")


async def test_what_is_no_such_form_is_refused(client: httpx.AsyncClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"", b"username=a", b"password=b", b"\xff", b"username=%ff&password=b", b"username=&password=b"):
        answer = await client.post(TOKEN, content=body, headers=form)
        assert assert_failure(answer, answer.status_code, answer.json()["code"])["code"] in {
            "bad_request",
            "invalid_credentials",
        }, body
    many = b"&".join(b"x%d=1" % number for number in range(1000))
    assert_failure(await client.post(TOKEN, content=many, headers=form), 400, "bad_request")
    assert_failure(await client.post(TOKEN, json={"username": "a", "password": "b"}), 415, "unsupported_media_type")


async def test_item_61_production_has_none_of_it(live: httpx.AsyncClient) -> None:
    for line in DOCUMENTATION:
        method, path = line.split()
        assert_failure(await live.request(method, path), 401, "not_authenticated")
