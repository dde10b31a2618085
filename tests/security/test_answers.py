"""Whatever goes wrong, and whoever notices: one envelope, the same headers, and no word about what runs here."""

import asyncio
import re
from dataclasses import replace
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from shared.assembly.discovery import discover
from shared.testing.envelope import assert_failure
from tests.api.failing import away
from tests.api.test_envelope import SECURITY_HEADERS
from tests.conftest import MakeApp, client_of, sign_up
from tests.project import ROOT, Project, free_port, serve
from tests.security.canaries import Canaries

GOOD_KEY = "mZ4vQ8xK1pW7nB3rT9yL5cH2fJ6gD0sA-uE_iO4aYqXw"
TYPED = {"Content-Type": "application/json"}


async def test_item_71_every_kind_of_failure_is_the_one_envelope(make_app: MakeApp, database: str) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.probes"), auth={"register_limit_per_address": "2/hour"})
    login, register = "/api/auth/login", "/api/auth/register"
    async with client_of(app) as client:
        user = await sign_up(client)
        taken = {"email": user.email, "password": user.password}
        answers = {
            (400, "bad_request"): await client.post(login, headers=TYPED, content="{"),
            (401, "not_authenticated"): await client.get("/api/users/me"),
            (401, "invalid_credentials"): await client.post(login, json=taken | {"password": "wrong"}),
            (403, "permission_denied"): await client.get("/api/users", headers=user.headers),
            (404, "not_found"): await client.get("/api/nothing", headers=user.headers),
            (405, "method_not_allowed"): await client.delete(login),
            (409, "email_taken"): await client.post(register, json=taken),
            (413, "payload_too_large"): await client.post(login, headers=TYPED, content=" " * 1_048_577),
            (415, "unsupported_media_type"): await client.post(login, content="{}"),
            (422, "validation_error"): await client.post(login, json={}),
            (429, "too_many_requests"): await client.post(register, json=taken),
            (500, "internal_error"): await client.get("/api/probe/crash"),
        }
    async with away(make_app, database) as stranded:
        answers[503, "unavailable"] = await stranded.post(login, json=taken)
        answers[503, "not_ready"] = await stranded.get("/api/ready")

    for (status, code), answer in answers.items():
        assert_failure(answer, status, code)
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value, (code, name)
        assert not answer.headers.keys() & {"server", "x-powered-by"}
        assert ("allow" in answer.headers) is (status == 405)
        assert ("www-authenticate" in answer.headers) is (status == 401 or code == "permission_denied")
        assert ("retry-after" in answer.headers) is (code in {"too_many_requests", "unavailable"})


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_item_72_not_even_a_field_that_is_right_is_sent_back(client: httpx.AsyncClient) -> None:
    canaries = Canaries()
    right = canaries.new("the field that is right")

    for body in ({"password": right}, {"password": right, "email": 7}, {"password": right, "email": "", "more": right}):
        for path in ("/api/auth/login", "/api/auth/register"):
            answer = await client.post(path, json=body)
            assert answer.status_code == 422
            assert canaries.in_text(f"{answer.headers}{answer.text}") == []
            assert not any(name in answer.text for name in ('"input"', '"ctx"', '"url"', "pydantic"))


def production_commands() -> list[tuple[str, ...]]:
    """How the README says that production is started, and the other way that there is; on some free port."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"`(uvicorn bootstrap:app [^`]+)`", page)
    return [("bootstrap.py",), ("-m", *shown.replace("--workers N", "--workers 2").split(), "--port", "0")]


@pytest.mark.parametrize("command", production_commands(), ids=["bootstrap.py", "uvicorn"])
async def test_item_75_no_answer_of_the_real_server_says_what_runs_here(
    sqlite_project: Project, command: tuple[str, ...]
) -> None:
    sqlite_project.alembic("upgrade", "heads")
    variables = {
        "APP_ENV": "production",
        "AUTH_BCRYPT_COST": "",
        "JWT_SECRET_KEY": GOOD_KEY,
        "ALLOW_SQLITE_IN_PRODUCTION": "true",
        "ALLOW_THROTTLE_PER_PROCESS": "true",
        "APP_PORT": str(free_port()),
    }
    requests = {
        200: "GET /api/health HTTP/1.1\r\nHost: x",
        400: "GET /api/health HTTP/1.1\r\nHost: x y",
        401: "GET /api/users HTTP/1.1\r\nHost: x",
        405: "HEAD /api/auth/login HTTP/1.1\r\nHost: x",
        413: "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999",
    }
    with serve(replace(sqlite_project, variables=variables), *command) as server:
        await is_listening(server.address)
        answers = {status: await raw(server.address, request) for status, request in requests.items()}
        # This one uvicorn answers by itself, in its own words.
        nonsense = await raw(server.address, "nonsense")

    for status, answer in answers.items():
        head, _, body = answer.partition("\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ")
        for name, value in (SECURITY_HEADERS | {"strict-transport-security": "max-age="}).items():
            assert f"\r\n{name}: {value}" in head.lower()
        # RFC 9110 9.3.2: what would have been in the body is only told.
        assert (body == "") is (status == 405)
    for answer in (*answers.values(), nonsense):
        assert "\r\nserver:" not in answer.lower()
        assert not re.search("uvicorn|starlette|fastapi|python|httptools|h11", answer.lower())


async def is_listening(address: str) -> None:
    """Of several processes, the one that says that it runs is not the one that listens."""
    async with asyncio.timeout(30):
        while not await _answers(address):
            pass


async def _answers(address: str) -> bool:
    try:
        return bool(await raw(address, "GET / HTTP/1.1\r\nHost: x"))
    except ConnectionRefusedError:
        return False


async def raw(address: str, request: str) -> str:
    """Everything that the server says to this, and nothing that a client library makes of it."""
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(f"{request}\r\nConnection: close\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(), 30)).decode()
    writer.close()
    await writer.wait_closed()
    return answer
