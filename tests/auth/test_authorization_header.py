import base64

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of
from tests.conftest import Account

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

ME = "/api/users/me"


def garbage(token: str) -> list[bytes]:
    genuine = token.encode()
    texts = [
        b"",
        b" ",
        b"Bearer",
        b"Bearer ",
        b"Bearer  ",
        genuine,
        b"Bearer" + genuine,
        b"Bearer\t" + genuine,
        b"Bearer, " + genuine,
        b"Bearer " + genuine + b" x",
        b"Bearer " + genuine + b", Bearer " + genuine,
        b"Bearer " + genuine.swapcase(),
        b"Token " + genuine,
        b"Basic " + base64.b64encode(b"admin:admin"),
        b"Digest username=x",
        b"Bearer \xe4\xf6\xfc.\xff\xfe.\x80",
        b"B\xe9arer " + genuine,
        b"Bearer a.b.c",
        b"Bearer ...",
        b"Bearer =.=.=",
        b"Bearer " + b"." * 1000,
        b"Bearer " + b"x" * 60_000,
        b"Bearer " + b"x" * 60_000 + b".y.z",
        b"Bearer null",
        b"Bearer " + base64.urlsafe_b64encode(b"[" * 20_000) + b".e30.e30",
        b"Bearer " + base64.urlsafe_b64encode(b'{"alg":"HS256","alg":"none"}') + b".e30.",
        b"Bearer " + base64.urlsafe_b64encode(b"\xff\xfe") + b".e30.e30",
        b"Bearer " + base64.urlsafe_b64encode(b'"HS256"').rstrip(b"=") + b".e30.e30",
    ]
    assert len(set(texts)) == len(texts)
    return texts


async def test_item_29_garbage_in_the_header_is_401(client: httpx.AsyncClient, user: Account) -> None:
    for value in garbage(user.tokens["access_token"]):
        answer = await client.get(ME, headers=[(b"Authorization", value)])
        assert answer.status_code == 401, f"{value[:60]!r}: {answer.text}"
        assert_failure(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', value[:60]


async def test_item_29_two_headers_are_none(client: httpx.AsyncClient, user: Account) -> None:
    genuine = ("Authorization", f"Bearer {user.tokens['access_token']}")

    for other in (genuine, ("Authorization", "Bearer x"), ("authorization", "")):
        for both in ([genuine, other], [other, genuine]):
            assert_failure(await client.get(ME, headers=both), 401, "not_authenticated")


async def test_the_scheme_has_no_case(client: httpx.AsyncClient, user: Account) -> None:
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {user.tokens['access_token']}"}
        assert data_of(await client.get(ME, headers=headers))["id"] == user.id


async def test_a_token_counts_in_the_header_only(client: httpx.AsyncClient, user: Account) -> None:
    token = user.tokens["access_token"]
    headers = {"Cookie": f"access_token={token}", "X-Access-Token": token, "Proxy-Authorization": f"Bearer {token}"}

    answer = await client.get(ME, params={"access_token": token, "token": token}, headers=headers)

    assert_failure(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_item_30_the_challenge_tells_what_is_missing(client: httpx.AsyncClient, user: Account) -> None:
    without = await client.get(ME)
    wrong = await client.get(ME, headers={"Authorization": "Bearer x"})
    not_enough = await client.get("/api/users", headers=user.headers)
    granted = await client.get(ME, headers=user.headers)

    assert assert_failure(without, 401, "not_authenticated")
    assert without.headers["www-authenticate"] == "Bearer"
    assert assert_failure(wrong, 401, "not_authenticated")
    assert wrong.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert assert_failure(not_enough, 403, "permission_denied")
    assert not_enough.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    assert "www-authenticate" not in granted.headers


async def test_wrong_credentials_carry_a_challenge_too(client: httpx.AsyncClient) -> None:
    login = await client.post("/api/auth/login", json={"email": "a@x.io", "password": "wrong"})
    refresh = await client.post("/api/auth/refresh", json={"refresh_token": "wrong"})

    assert [one.headers["www-authenticate"] for one in (login, refresh)] == ["Bearer", "Bearer"]


async def test_a_bad_token_does_not_close_a_public_route(app: FastAPI, client: httpx.AsyncClient) -> None:
    data_of(await client.get("/api/health", headers={"Authorization": "Bearer x"}))
