"""Whose address counts: the peer's, or what a trusted proxy says of its client; never what a client says of itself."""

import json
from dataclasses import replace

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from tests.conftest import MakeApp, settings_for
from tests.project import Project, serve

CLIENT, ANOTHER = "203.0.113.7", "198.51.100.9"
PROXY, INNER_PROXY = "10.1.2.3", "192.168.7.7"


class Seen:
    """What the access log says of the client, which is what limits and sessions go by."""

    def __init__(self, app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
        self._app = app
        self._capsys = capsys

    async def client(self, *forwarded: str, peer: str | None = PROXY) -> str | None:
        """A request with these lines of X-Forwarded-For."""
        transport = httpx.ASGITransport(self._app, client=(peer, 4711) if peer else None)  # type: ignore[arg-type]  # servers on a Unix socket have none
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.get("/api/health", headers=[("X-Forwarded-For", line) for line in forwarded])
        assert answer.status_code == 200
        lines = [json.loads(line) for line in self._capsys.readouterr().err.splitlines()]
        (address,) = [line["client"] for line in lines if line["event"] == "request"]
        return None if address is None else str(address)


@pytest.fixture
def behind(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> "Behind":
    return Behind(make_app, capsys)


class Behind:
    """`behind("10.0.0.0/8")` is an application that trusts these proxies."""

    def __init__(self, make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
        self._make_app = make_app
        self._capsys = capsys

    def __call__(self, proxies: str) -> Seen:
        return Seen(self._make_app(trusted_proxies=proxies), self._capsys)


async def test_item_77_without_the_setting_nobody_is_believed(behind: Behind) -> None:
    seen = behind("")

    for peer in (PROXY, "127.0.0.1", "::1", CLIENT):
        assert await seen.client(ANOTHER, peer=peer) == peer


@pytest.mark.parametrize("proxies", ["10.1.2.3", "10.0.0.0/8", "192.168.0.0/16, 10.1.2.0/24"])
async def test_item_77_a_trusted_proxy_says_who_its_client_is(behind: Behind, proxies: str) -> None:
    seen = behind(proxies)

    assert await seen.client(CLIENT) == CLIENT
    assert await seen.client("2001:db8::7") == "2001:db8::7"
    assert await seen.client() == PROXY


async def test_item_77_a_peer_that_is_no_trusted_proxy_is_not_believed(behind: Behind) -> None:
    seen = behind("10.0.0.0/8")

    for peer in (CLIENT, "127.0.0.1", "11.0.0.1", "::1"):
        assert await seen.client(ANOTHER, peer=peer) == peer
    assert await seen.client(ANOTHER, peer=None) is None


async def test_item_77_what_a_client_writes_in_front_counts_for_nothing(behind: Behind) -> None:
    seen = behind("10.0.0.0/8")

    assert await seen.client(f"{ANOTHER}, {CLIENT}") == CLIENT
    assert await seen.client(f"10.9.9.9, {ANOTHER}, {CLIENT}") == CLIENT
    assert await seen.client(ANOTHER, CLIENT) == CLIENT, "two lines are one list"
    assert await seen.client(f"unknown, 127.0.0.1, <script>, {CLIENT}") == CLIENT


async def test_item_77_the_rightmost_address_that_is_no_proxy_counts(behind: Behind) -> None:
    seen = behind(f"10.0.0.0/8,{INNER_PROXY}")

    assert await seen.client(f"{CLIENT}, {INNER_PROXY}") == CLIENT
    assert await seen.client(f"{ANOTHER}, {CLIENT}, 10.4.4.4, {INNER_PROXY}") == CLIENT
    assert await seen.client(f"{CLIENT}, 192.168.7.8") == "192.168.7.8", "this one is nobody whom we trust"


async def test_a_trusted_ipv6_proxy_is_known_however_it_is_written(behind: Behind) -> None:
    seen = behind("2001:db8:0:0::/64, fd00::1")

    assert await seen.client(CLIENT, peer="2001:db8::5") == CLIENT
    assert await seen.client(CLIENT, peer="fd00:0:0::1") == CLIENT
    assert await seen.client(CLIENT, peer="fd00::2") == "fd00::2"


async def test_a_trusted_proxy_is_known_by_a_server_that_listens_on_ipv6_too(behind: Behind) -> None:
    seen = behind("10.0.0.0/8, 192.168.7.7")

    for peer in ("::ffff:10.1.2.3", "::FFFF:0a01:0203", "::ffff:192.168.7.7"):
        assert await seen.client(f"{ANOTHER}, {CLIENT}, ::ffff:10.1.2.4", peer=peer) == CLIENT
    assert await seen.client(CLIENT, peer="::ffff:11.1.2.3") == "11.1.2.3"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("1.2.3.4:http", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:0102:0304", "1.2.3.4"),
        ("0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:443", "1.2.3.4"),
        ("64:ff9b::1.2.3.4", "1.2.3.4"),
        ("2001:DB8::9", "2001:db8::9"),
        ("2001:db8:0:0::9", "2001:db8::9"),
        ("2001:0db8:0000:0000:0000:0000:0000:0009", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("2002:102:304::9", "2002:102:304::9"),
        ("unknown", None),
        ("_hidden", None),
        ("1.2.3", None),
        ("01.2.3.4", None),
        ("1.2.3.4.5", None),
        ("1.2.3.4, ;", None),
        ("2001:db8::9::1", None),
        ("fe80::1%", None),
        ("<script>", None),
        ("9" * 5000, None),
    ],
)
async def test_item_77_an_address_has_one_spelling_and_what_is_none_is_not_repeated(
    behind: Behind, written: str, address: str | None
) -> None:
    assert await behind("10.0.0.0/8").client(written) == address
    # A peer's own address has one spelling, too.
    assert await behind("").client(peer=written) == address


@pytest.mark.parametrize(
    "proxy", ["*", "proxy.example", "10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0", "unix:", "10.0.0.0/33"]
)
def test_item_77_a_setting_that_is_no_address_or_trusts_everybody_is_refused(proxy: str) -> None:
    for proxies in (proxy, f"10.0.0.1,{proxy}"):
        with pytest.raises(ValidationError, match=r"list addresses, or networks such as 10\.0\.0\.0/8"):
            settings_for("sqlite:///./app.db", trusted_proxies=proxies)


@pytest.mark.parametrize("proxies", ["", "127.0.0.1"])
async def test_item_77_a_running_server_believes_a_local_peer_only_if_it_is_told_to(
    sqlite_project: Project, proxies: str
) -> None:
    project = replace(sqlite_project, variables={"TRUSTED_PROXIES": proxies})
    command = ("-m", "uvicorn", "bootstrap:app", "--port", "0", "--no-access-log", "--no-proxy-headers")

    with serve(project, *command) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            await client.get("/api/health", headers={"X-Forwarded-For": f"{ANOTHER}, {CLIENT}"})

    lines = [json.loads(line) for line in server.output if '"request"' in line]
    assert [line["client"] for line in lines] == [CLIENT if proxies else "127.0.0.1"]
