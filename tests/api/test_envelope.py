from collections.abc import AsyncIterator
from uuid import UUID

import httpx2 as httpx
import pytest

from shared.assembly.discovery import discover
from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.api.failing import away
from tests.conftest import Account, MakeApp, client_of

JSON = {"Content-Type": "application/json"}
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


async def login(client: httpx.AsyncClient, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
    return await client.post("/api/auth/login", content=content, headers=JSON | headers)


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 1024


async def test_a_success_has_the_envelope(client: httpx.AsyncClient) -> None:
    assert data_of(await client.get("/api/health"))
    assert (await client.get("/api/health")).json()["message"] == "OK"


async def test_item_71_unreadable_json_is_400(client: httpx.AsyncClient) -> None:
    bodies = [b"{", b"{'email': 1}", b"\xff\xfe", b'{"email": "\xff"}', b"nonsense", b'{"a":1}}', b"[" * 16_000]
    bodies.append(b'{"email": ' + b"9" * 5000 + b"}")
    for body in bodies:
        answer = await login(client, body)
        assert answer.status_code == 400, f"{body[:30]!r}: {answer.text}"
        assert assert_failure(answer, 400, "bad_request")["data"] is None
        assert_guarded(answer)


async def test_item_71_no_token_is_401(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/users/me")

    assert assert_failure(answer, 401, "not_authenticated")["data"] is None
    assert_guarded(answer)


async def test_item_71_an_unknown_path_is_401_for_strangers_and_404_for_users(
    client: httpx.AsyncClient, user: Account
) -> None:
    for path in ("/api/nothing", "/nothing", "/api/", "/api", "/api/auth/logins", "/api/users/", "/.env", "/admin"):
        for method in ("GET", "POST", "DELETE"):
            assert_failure(await client.request(method, path), 401, "not_authenticated")
            answer = await client.request(method, path, headers=user.headers)
            assert assert_failure(answer, 404, "not_found")["data"] is None
            assert_guarded(answer)


async def test_item_71_a_missing_permission_is_403(client: httpx.AsyncClient, user: Account) -> None:
    answer = await client.get("/api/users", headers=user.headers)

    assert assert_failure(answer, 403, "permission_denied")["data"] is None
    assert_guarded(answer)


async def test_item_71_a_wrong_method_is_405_and_told_which_is_right(client: httpx.AsyncClient, user: Account) -> None:
    for method, path, allowed in (
        ("POST", "/api/health", "GET, HEAD"),
        ("GET", "/api/auth/login", "POST"),
        ("HEAD", "/api/auth/login", "POST"),
        ("DELETE", "/", "GET, HEAD"),
        ("TRACE", "/api/health", "GET, HEAD"),
        ("PUT", "/api/users/me", "GET, HEAD, PATCH"),
        ("DELETE", "/api/users/me", "GET, HEAD, PATCH"),
        ("PUT", "/api/users", "GET, HEAD, POST"),
    ):
        answer = await client.request(method, path, headers=user.headers)
        assert answer.status_code == 405
        if method != "HEAD":
            assert assert_failure(answer, 405, "method_not_allowed")["data"] is None
        assert answer.headers["allow"] == allowed, path
        assert_guarded(answer)


async def test_item_62_options_takes_the_same_doors_as_any_method(client: httpx.AsyncClient, user: Account) -> None:
    assert (await client.options("/api/users/me")).status_code == 401
    assert (await client.options("/api/users/me", headers=user.headers)).status_code == 405
    assert (await client.options("/api/health")).status_code == 405


async def test_item_71_a_conflict_is_409(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    answer = await client.post("/api/users", headers=admin.headers, json={"email": user.email})

    assert assert_failure(answer, 409, "email_taken")["data"] is None
    assert_guarded(answer)


async def test_item_71_a_body_that_says_it_is_too_large_is_413(client: httpx.AsyncClient) -> None:
    for length in (1_048_577, 1_000_000_000, 2**64):
        answer = await login(client, b"{}", **{"Content-Length": str(length)})
        assert assert_failure(answer, 413, "payload_too_large")["data"] is None
        assert_guarded(answer)


async def test_item_84_a_body_that_grows_too_large_is_413(client: httpx.AsyncClient) -> None:
    assert_failure(await login(client, chunks(16)), 400, "bad_request")

    answer = await login(client, chunks(17))

    assert assert_failure(answer, 413, "payload_too_large")["data"] is None
    assert_guarded(answer)


async def test_item_84_no_more_is_read_of_a_body_than_the_limit(client: httpx.AsyncClient) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield b" " * 1024

    assert_failure(await login(client, endless()), 413, "payload_too_large")
    assert read <= 16_384 + 1024


async def test_item_84_the_largest_body_is_a_setting(make_app: MakeApp) -> None:
    async with client_of(make_app(max_body_bytes=1024)) as client:
        assert_failure(await login(client, b" " * 1025), 413, "payload_too_large")
        assert_failure(await login(client, b" " * 1024), 400, "bad_request")


async def test_item_69_another_content_type_is_415(client: httpx.AsyncClient) -> None:
    body = b'{"email": "a@x.io", "password": "x"}'
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""):
        answer = await login(client, body, **{"Content-Type": content_type})
        assert answer.status_code == 415, f"{content_type}: {answer.text}"
        assert assert_failure(answer, 415, "unsupported_media_type")["data"] is None
        assert_guarded(answer)
    for content_type in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON"):
        assert_failure(await login(client, body, **{"Content-Type": content_type}), 401, "invalid_credentials")


async def test_item_71_a_faulty_body_is_422_with_every_fault(client: httpx.AsyncClient) -> None:
    answer = await login(client, b'{"password": 7, "more": 1}')

    assert sorted(input_errors(answer)) == [
        (("body", "email"), "missing"),
        (("body", "more"), "extra_forbidden"),
        (("body", "password"), "string_type"),
    ]
    assert_guarded(answer)


async def test_the_faults_of_a_body_are_limited(client: httpx.AsyncClient) -> None:
    fields = ", ".join(f'"{"x" * 101}{number}": 1' for number in range(130))

    answer = await login(client, f"{{{fields}}}".encode())

    assert len(input_errors(answer)) == 50
    assert len(answer.text) < 20_000


async def test_item_73_a_crash_is_500_and_tells_nothing(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    async with client_of(make_app(modules=discover("modules", "tests.fixtures.probes"))) as probe:
        answer = await probe.get("/api/probe/crash")

    assert assert_failure(answer, 500, "internal_error")["data"] is None
    assert_guarded(answer)
    for word in ("Traceback", "RuntimeError", "a-detail-for-the-log-only", ".py"):
        assert word not in answer.text
    # What the client is not told stands in the log, once, under the id that the client was given.
    (logged,) = [line for line in capsys.readouterr().err.splitlines() if "Traceback" in line]
    assert answer.json()["request_id"] in logged
    assert logged.count("RuntimeError: a-detail-for-the-log-only") == 1
    assert "router.py" in logged


async def test_item_71_a_database_that_is_away_is_503(make_app: MakeApp, database: str, user: Account) -> None:
    async with away(make_app, database) as client:
        for answer in (
            await client.get("/api/users/me", headers=user.headers),
            await client.post("/api/auth/login", json={"email": user.email, "password": user.password}),
            await client.post("/api/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]}),
        ):
            assert assert_failure(answer, 503, "unavailable")["data"] is None
            assert answer.headers["retry-after"] == "1"
            assert_guarded(answer)
        # Whom the database need not know is refused without it.
        assert_failure(await client.get("/api/users/me"), 401, "not_authenticated")


async def test_every_answer_has_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    ids = [(await client.get("/api/health")).headers["x-request-id"] for _ in range(3)]

    assert len(set(ids)) == 3
    assert {UUID(one).version for one in ids} == {7}


async def test_a_well_formed_id_of_the_client_is_kept(client: httpx.AsyncClient) -> None:
    for sent in ("1", "abcdefgh", "A-b_c.1234", "0" * 128):
        for path, status in (("/api/health", 200), ("/api/users/me", 401)):
            answer = await client.get(path, headers={"X-Request-ID": sent})
            assert (answer.status_code, answer.headers["x-request-id"], answer.json()["request_id"]) == (
                status,
                sent,
                sent,
            )


async def test_any_other_id_of_the_client_is_replaced(client: httpx.AsyncClient) -> None:
    for sent in (b"", b"x" * 129, b"with blank inside", b"<script>alert(1)</script>", b"abcdefgh\xe9", b"a/../../b"):
        answer = await client.get("/api/health", headers=[(b"X-Request-ID", sent)])
        data_of(answer)
        assert UUID(answer.headers["x-request-id"]).version == 7


async def test_item_75_every_answer_carries_the_security_headers(client: httpx.AsyncClient, user: Account) -> None:
    for path, headers in (("/", {}), ("/api/ready", {}), ("/api/users/me", user.headers), ("/openapi.json", {})):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200
        assert_guarded(answer)


async def test_item_75_only_production_insists_on_tls(client: httpx.AsyncClient, make_app: MakeApp) -> None:
    production = make_app(
        app_env="production", allow_sqlite_in_production=True, jwt_secret_key="7Kq2vXw9Zr4Lm8Np3Tb6" * 2
    )

    assert "strict-transport-security" not in (await client.get("/api/health")).headers
    async with client_of(production) as live:
        for path in ("/api/health", "/api/users/me"):
            assert "max-age=" in (await live.get(path)).headers["strict-transport-security"]


def assert_guarded(answer: httpx.Response) -> None:
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    for name in ("server", "x-powered-by"):
        assert name not in answer.headers
