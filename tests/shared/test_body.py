"""The body of a request: how often, how long and for how many seconds it may come in, on every route."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.api.asgi import bearer
from tests.api.failing import app_without_database
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up
from tests.security.operations import Operation, operations_of
from tests.shared.conversation import Conversation
from tests.shared.packages import MakeModules, declaration, make_modules  # noqa: F401 - a fixture

JSON = {"Content-Type": "application/json"}
PUBLIC_BYTES, MOMENT = 16_384, 0.05

# Routes that take longer than a body may: to answer, to send an answer, and to notice that nobody listens any more.
PATIENT = f"""
import asyncio
from collections.abc import AsyncIterator
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from shared.access import Public
from shared.http import ApiResponse, success

LONGER = {MOMENT * 3}
router = APIRouter(dependencies=[Public("a test")])

@router.post("/reads-nothing")
async def read_nothing() -> ApiResponse[None]:
    await asyncio.sleep(LONGER)
    return success(None)

@router.post("/reads-late")
async def read_late(request: Request) -> ApiResponse[int]:
    body = await request.body()
    await asyncio.sleep(LONGER)
    return success(len(body))

@router.post("/streams")
@router.get("/streams", name="stream_to_a_reader")
async def stream() -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        for number in range(3):
            yield f"data: {{number}}\\n\\n"
            await asyncio.sleep(LONGER / 2)
    return StreamingResponse(events(), media_type="text/event-stream")

@router.post("/listens")
async def listen(request: Request) -> ApiResponse[bool]:
    await request.body()
    return success((await request.receive())["type"] == "http.disconnect")
"""


def takes_a_body(app: FastAPI, *, is_public: bool) -> list[Operation]:
    found = [one for one in operations_of(app) if one.body and one.is_public is is_public]
    assert len(found) > 5
    return found


async def test_item_84_who_sends_no_token_may_send_little(make_app: MakeApp) -> None:
    app = make_app(auth=UNLIMITED)
    async with client_of(app) as client:
        for one in takes_a_body(app, is_public=True):
            for size, statuses in ((PUBLIC_BYTES, {400}), (PUBLIC_BYTES + 1, {413})):
                answer = await client.request(one.method, one.path, headers=JSON, content=b" " * size)
                assert answer.status_code in statuses, (one, size)
            assert_failure(answer, 413, "payload_too_large")
            assert answer.headers["connection"] == "close"
            grown = await client.request(one.method, one.path, headers=JSON, content=spaces(PUBLIC_BYTES + 1))
            assert_failure(grown, 413, "payload_too_large")
        assert data_of(await client.get("/api/health"))


async def spaces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b" "


async def test_item_84_who_is_logged_in_may_send_more(app: FastAPI, client: httpx.AsyncClient, admin: Account) -> None:
    for one in takes_a_body(app, is_public=False):
        content, headers = b" " * (PUBLIC_BYTES * 3), admin.headers | JSON
        answer = await client.request(one.method, one.url(), headers=headers, content=content)
        assert_failure(answer, 400, "bad_request")
        answer = await client.request(one.method, one.url(), headers=headers, content=b" " * 1_048_577)
        assert_failure(answer, 413, "payload_too_large")


async def test_item_84_both_limits_are_settings(make_app: MakeApp) -> None:
    for values, limit in (
        ({"max_public_body_bytes": 20_000}, 20_000),
        ({"max_public_body_bytes": 20_000, "max_body_bytes": 2000}, 2000),
    ):
        async with client_of(make_app(**values)) as client:
            for size, status in ((limit, 400), (limit + 1, 413)):
                answer = await client.post("/api/auth/login", headers=JSON, content=b" " * size)
                assert answer.status_code == status


async def test_item_84_of_a_caller_who_is_refused_nothing_is_read(app: FastAPI, client: httpx.AsyncClient) -> None:
    user = await sign_up(client)
    for one in takes_a_body(app, is_public=False):
        if one.id == "logout_user":  # a refresh token in the body is good enough
            continue
        callers: list[tuple[list[Any], int]] = [([], 401), ([bearer("x")], 401)]
        if one.withheld:
            callers.append(([bearer(user.tokens["access_token"])], 403))
        for headers, status in callers:
            talk = Conversation(app, one.method, one.url(), [*headers, (b"content-length", b"1000")])
            await talk.run()
            assert (talk.status, talk.asked_for) == (status, 0), one


async def test_a_body_is_bounded_whatever_the_method(make_app: MakeApp) -> None:
    app = make_app(max_public_body_bytes=1024)
    for headers in ([(b"content-length", b"1025")], [(b"transfer-encoding", b"chunked")]):
        talk = Conversation(app, "GET", "/api/health", headers, [b" " * 1025])
        await talk.run()
        assert talk.status == (413 if headers[0][0] == b"content-length" else 200)  # what nobody reads may be endless


@pytest.fixture
def impatient(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED, body_timeout_seconds=MOMENT)


async def test_item_87_a_body_that_does_not_come_is_408(impatient: FastAPI) -> None:
    async with client_of(impatient) as client:
        user = await sign_up(client)
    for one in [*takes_a_body(impatient, is_public=True), *takes_a_body(impatient, is_public=False)]:
        if one.permissions:
            continue
        for parts in ([], [b"{"], [b"{", b'"email": ']):
            talk = Conversation(impatient, one.method, one.url(), [bearer(user.tokens["access_token"]), *TYPED], parts)
            await talk.run()
            assert (talk.status, talk.code) == (408, "request_timeout"), one
            assert talk.answered_with[b"connection"] == b"close"


TYPED = [(b"content-type", b"application/json"), (b"content-length", b"1000")]


async def test_item_87_a_body_that_trickles_in_has_no_more_time(impatient: FastAPI) -> None:
    trickle = [b" "] * 1000
    talk = Conversation(impatient, "POST", "/api/auth/login", TYPED, trickle, pause=MOMENT / 10)

    await talk.run()

    assert (talk.status, talk.code) == (408, "request_timeout")
    assert 1 < talk.asked_for < 30


@pytest.fixture
async def patient(make_app: MakeApp, make_modules: MakeModules) -> FastAPI:  # noqa: F811 - the fixture
    modules = make_modules(
        {"patient/module.py": declaration(), "patient/router.py": PATIENT, "patient/__init__.py": ""},
        besides=("modules",),
    )
    return make_app(modules=modules, body_timeout_seconds=MOMENT)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_item_87_nothing_but_the_body_is_timed(patient: FastAPI) -> None:
    for method, path, is_whole, told in (
        ("POST", "reads-nothing", False, b'"ok"'),
        ("POST", "reads-late", True, b'"data":2'),
        ("GET", "streams", True, b"data: 2"),
        ("POST", "streams", True, b"data: 2"),
        # The answer has begun: that the rest of the body never comes does not matter any more.
        ("POST", "streams", False, b"data: 2"),
    ):
        talk = Conversation(patient, method, f"/api/patient/{path}", parts=[b"{", b"}"], is_whole=is_whole)
        await talk.run()
        assert (talk.status, told in talk.body) == (200, True), (method, path, is_whole)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_item_87_who_waits_for_the_client_to_leave_may_wait(patient: FastAPI) -> None:
    talk = Conversation(patient, "POST", "/api/patient/listens", parts=[b""], is_whole=True, leaves_after=MOMENT * 2)

    await talk.run()

    assert (talk.status, b'"data":true' in talk.body) == (200, True)


async def test_item_87_what_is_sent_without_a_token_is_counted_before_it_is_read(make_app: MakeApp) -> None:
    app = make_app(auth=UNLIMITED, public_limit_per_address="3/minute")
    for number, one in enumerate(takes_a_body(app, is_public=True)):
        async with client_of(app, f"203.0.113.{number}") as client:
            contents = [b"{", b"{}", b" " * (PUBLIC_BYTES + 1)]
            statuses = [
                (await client.request(one.method, one.path, headers=JSON, content=x)).status_code for x in contents
            ]
            assert statuses == [400, 422, 413], one
            refused = await client.request(one.method, one.path, headers=JSON, content=b"{")
            assert_failure(refused, 429, "too_many_requests")
            assert int(refused.headers["retry-after"]) > 0
    talk = Conversation(app, "POST", "/api/auth/login", client="203.0.113.0")
    await talk.run()
    assert (talk.status, talk.asked_for) == (429, 0)


async def test_only_what_cannot_be_read_stays_counted(make_app: MakeApp) -> None:
    app = make_app(auth=UNLIMITED, public_limit_per_address="2/minute")
    async with client_of(app) as client, client_of(app, "203.0.113.7") as another:
        user = await sign_up(client)
        for _ in range(3):
            assert data_of(await client.get("/api/health"))
            assert data_of(await client.patch("/api/users/me", headers=user.headers, json={}))
            assert input_errors(await client.patch("/api/users/me", headers=user.headers, json={"x": 1}))
            await log_in(client, user.email, user.password)
            wrong = await client.post("/api/auth/login", json={"email": user.email, "password": "wrong"})
            assert_failure(wrong, 401, "invalid_credentials")
        for _ in range(2):
            assert_failure(await client.post("/api/auth/login", content=b"{}"), 415, "unsupported_media_type")
        refused = await client.post("/api/auth/login", json={"email": user.email, "password": user.password})
        assert_failure(refused, 429, "too_many_requests")
        assert data_of(await client.get("/api/users/me", headers=user.headers))
        await log_in(another, user.email, user.password)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_fault_of_ours_counts_against_nobody(make_app: MakeApp, database: str) -> None:
    body = {"email": "a@example.com", "password": "x"}
    async with (
        app_without_database(make_app, database, auth=UNLIMITED, public_limit_per_address="2/minute") as app,
        client_of(app) as client,
    ):
        for _ in range(3):
            assert_failure(await client.post("/api/auth/login", json=body), 503, "unavailable")


async def test_of_many_at_once_no_more_are_read_than_may_be(make_app: MakeApp) -> None:
    app = make_app(auth=UNLIMITED, public_limit_per_address="3/minute", body_timeout_seconds=MOMENT)
    talks = [Conversation(app, "POST", "/api/auth/login", TYPED, [b"{"]) for _ in range(10)]

    await asyncio.gather(*(talk.run() for talk in talks))

    assert sorted(talk.status for talk in talks) == [408] * 3 + [429] * 7
    assert sum(talk.asked_for > 0 for talk in talks) == 3


async def test_none_counts_nobody(make_app: MakeApp) -> None:
    async with client_of(make_app(auth=UNLIMITED, public_limit_per_address="none")) as client:
        for _ in range(5):
            answer = await client.post("/api/auth/login", headers=JSON, content=b"{}")
    assert input_errors(answer)


@pytest.mark.module_rules
async def test_the_document_names_what_the_layer_answers(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            answers = {name for name, one in operation["responses"].items() if "request_timeout" in json.dumps(one)}
            assert (answers == {"408"}) is ("requestBody" in operation), (method, path)
            if "requestBody" in operation and "security" not in operation:
                assert "too_many_requests" in operation["responses"]["429"]["description"], (method, path)
