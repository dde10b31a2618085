"""The Host header: well-formed always, and one of ours when ALLOWED_HOSTS is set."""

import httpx2 as httpx
import pytest
from pydantic import ValidationError

from tests.api.asgi import open_websocket
from tests.conftest import MakeApp, client_of, settings_for

OURS = {"allowed_hosts": "api.example.com,*.example.net,[::1],192.0.2.1"}


async def ask(client: httpx.AsyncClient, host: str) -> httpx.Response:
    return await client.get("/api/health", headers=[(b"host", host.encode("latin-1"))])


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 400, answer.request.headers
    assert answer.json()["code"] == "bad_request"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


WELL_FORMED = [
    "test",
    "api.example.com:8000",
    "API.Example.COM",
    "my_service:80",
    "a.example.",
    "192.0.2.7:1",
    "[2001:db8::1]:8",
]


async def test_any_well_formed_host_passes_by_default(client: httpx.AsyncClient) -> None:
    for host in WELL_FORMED:
        assert (await ask(client, host)).status_code == 200, host


MALFORMED = [
    "",
    " ",
    "evil.test/path",
    "evil.test?",
    "evil.test#x",
    "user@evil.test",
    "a b",
    "a,b",
    "a..b",
    ".example.net",
    "example.com:80:80",
    "example.com:http",
    "example.com:123456",
    "::1",
    "[::1",
    "[evil]",
    "exämple.com",
    "a" * 300,
    "test\n",
]


async def test_item_59_a_malformed_host_is_a_bad_request(client: httpx.AsyncClient) -> None:
    for host in MALFORMED:
        assert_refused(await ask(client, host))


async def test_item_59_two_hosts_are_a_bad_request(client: httpx.AsyncClient) -> None:
    assert_refused(await client.get("/api/health", headers=[(b"host", b"test"), (b"host", b"test")]))


ALLOWED = [
    "api.example.com",
    "API.example.com:8443",
    "api.example.com.",
    "a.example.net",
    "a.b.example.net",
    "[::1]:8000",
]


async def test_the_hosts_of_the_setting_pass(make_app: MakeApp) -> None:
    async with client_of(make_app(**OURS)) as client:
        for host in ALLOWED:
            assert (await ask(client, host)).status_code == 200, host


FOREIGN = [
    "test",
    "example.net",
    "evilexample.net",
    "api.example.com.evil.test",
    "xapi.example.com",
    "192.0.2.2",
    "[::2]",
]


async def test_item_59_every_other_host_is_a_bad_request(make_app: MakeApp) -> None:
    async with client_of(make_app(**OURS)) as client:
        for host in FOREIGN:
            assert_refused(await ask(client, host))


async def test_a_foreign_host_gets_no_cross_origin_answer_either(make_app: MakeApp) -> None:
    origin = "https://app.example.com"
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    async with client_of(make_app(cors_origins=origin, **OURS)) as client:
        refused = await client.options("/api/health", headers={"Host": "evil.test", **asked})
        answered = await client.options("/api/health", headers={"Host": "api.example.com", **asked})

    assert_refused(refused)
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert answered.headers["Access-Control-Allow-Origin"] == origin


async def test_item_59_a_websocket_of_a_foreign_host_is_closed(make_app: MakeApp) -> None:
    (closed,) = await open_websocket(make_app(**OURS), "/api/health")

    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


@pytest.mark.parametrize(
    "host",
    ["https://api.example.com", "api.example.com:443", "a.*.com", "*example.com", "*.", "a b", "/", "**", "[*]"],
)
def test_a_setting_that_is_no_host_is_refused(host: str) -> None:
    for hosts in (host, f"api.example.com,{host}"):
        with pytest.raises(ValidationError, match="list host names without scheme and port"):
            settings_for("sqlite:///./app.db", allowed_hosts=hosts)


async def test_item_76_all_hosts_can_be_allowed_outside_production_only(make_app: MakeApp) -> None:
    async with client_of(make_app(allowed_hosts="*")) as client:
        assert (await ask(client, "anything.test")).status_code == 200
        assert_refused(await ask(client, "any thing"))

    with pytest.raises(ValidationError, match="allows every host"):
        settings_for("postgresql://app@db/app", app_env="production", allowed_hosts="api.example.com,*")
