"""HEAD is answered wherever GET is, as GET is, and without a body."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.assembly.discovery import discover
from tests.api.asgi import bearer, request
from tests.architecture.test_access import DOCUMENTATION, PUBLIC
from tests.conftest import Account, MakeApp, client_of
from tests.security.access_model import doors_of
from tests.shared.packages import MakeModules, declaration, make_modules  # noqa: F401 - a fixture

# Nothing here depends on the database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

PATIENCE_SECONDS = 10

ROUTER = """
import asyncio
from pathlib import Path

from fastapi import APIRouter, BackgroundTasks, FastAPI, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from shared.access import Public
from shared.database import Session
from shared.errors import NotFound

router = APIRouter(dependencies=[Public("for a test")])
happened = []


async def for_ever():
    try:
        while True:
            yield b"data: x\\n\\n"
    finally:
        happened.append("stream closed")


async def never():
    try:
        await asyncio.Event().wait()
        yield b"never"
    finally:
        happened.append("wait ended")


@router.get("/endless")
async def get_endless() -> StreamingResponse:
    return StreamingResponse(for_ever(), media_type="text/event-stream", headers={"X-Stream": "yes"})


@router.get("/waiting")
async def get_waiting() -> StreamingResponse:
    return StreamingResponse(never(), media_type="text/event-stream", headers={"X-Stream": "yes"})


@router.get("/file")
async def get_file() -> FileResponse:
    return FileResponse(Path(__file__))


@router.get("/empty", status_code=204)
async def get_empty(tasks: BackgroundTasks) -> None:
    tasks.add_task(happened.append, "after 204")


@router.get("/later")
async def get_later(tasks: BackgroundTasks) -> str:
    tasks.add_task(happened.append, "after 200")
    return "later"


@router.get("/method")
async def get_method(request: Request, session: Session) -> Response:
    return Response(headers={"X-Method": request.method, "X-Read-Only": str(session.info.get("read_only"))})


@router.get("/own")
async def get_own() -> str:
    return "GET"


@router.head("/own")
async def head_own() -> Response:
    return Response(b"five!", headers={"X-Own": "yes"})


@router.get("/missing")
async def get_missing() -> str:
    raise NotFound


inside = FastAPI(openapi_url=None)


@inside.get("/below")
async def get_below() -> str:
    return "below"


router.mount("/mounted", Public("for a test").mark(inside))
"""


@pytest.fixture
def streaming(make_app: MakeApp, make_modules: MakeModules) -> FastAPI:  # noqa: F811 - the fixture
    files = {"stream/module.py": declaration(), "stream/router.py": ROUTER}
    return make_app(modules=make_modules(files, besides=("modules",)))


def happened_in(app: FastAPI) -> list[str]:
    rule = next(rule for rule in app.state.access.routes if rule.path.endswith("/later"))
    found: list[str] = rule.endpoint.__globals__["happened"]
    return found


@pytest.fixture
async def streams(streaming: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(streaming) as client:
        yield client


@pytest.mark.module_rules
async def test_item_62_head_is_answered_as_get_is_on_every_route(make_app: MakeApp, user: Account) -> None:
    app = make_app(modules=discover("modules", "tests.fixtures.doors"))
    doors = [door for door in doors_of(app, [*PUBLIC, *DOCUMENTATION]) if door.method == "GET"]
    for door in doors:
        for headers in ((), (bearer(user.tokens["access_token"]),)):
            # That the two are alike is asserted in `request`.
            await request(app, "HEAD", door.filled(dict.fromkeys(door.parameters, user.id)), *headers)

    assert len(doors) > 20


async def test_item_62_head_takes_the_same_doors_as_get(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    for path, headers, status in (
        ("/api/health", {}, 200),
        ("/", {}, 200),
        ("/docs", {}, 200),
        ("/openapi.json", {}, 200),
        ("/api/users/me", {}, 401),
        ("/api/users/me", user.headers, 200),
        ("/api/users", user.headers, 403),
        ("/api/users", admin.headers, 200),
        ("/api/users?limit=0", admin.headers, 422),
        ("/api/auth/login", {}, 405),
        ("/nothing", {}, 401),
        ("/nothing", user.headers, 404),
    ):
        answer = await client.head(path, headers=headers)
        assert (answer.status_code, answer.content) == (status, b""), path
        assert int(answer.headers["content-length"]) > 0


async def test_the_access_log_says_head(client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    await client.head("/api/health")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["method"] for line in lines if line["event"] == "request"] == ["HEAD"]


@pytest.mark.parametrize("path", ["endless", "waiting"])
async def test_a_stream_is_ended_behind_its_headers(streaming: FastAPI, streams: httpx.AsyncClient, path: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await streams.head(f"/api/stream/{path}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-stream"] == "yes"
    assert happened_in(streaming) in ([], ["stream closed"], ["wait ended"])


async def test_a_file_is_told_by_its_length(streams: httpx.AsyncClient) -> None:
    answer = await streams.head("/api/stream/file")

    assert answer.content == b""
    assert int(answer.headers["content-length"]) == len(ROUTER.encode())
    assert answer.headers["etag"]


async def test_what_comes_after_an_answer_comes_after_head_too(streaming: FastAPI, streams: httpx.AsyncClient) -> None:
    assert (await streams.head("/api/stream/empty")).status_code == 204
    assert (await streams.head("/api/stream/later")).status_code == 200

    assert happened_in(streaming) == ["after 204", "after 200"]


async def test_a_route_for_head_alone_is_kept(streams: httpx.AsyncClient) -> None:
    answer = await streams.head("/api/stream/own")

    assert (answer.headers["x-own"], answer.headers["content-length"], answer.content) == ("yes", "5", b"")


async def test_below_a_mount_get_answers_too(streams: httpx.AsyncClient) -> None:
    for path, status in (("below", 200), ("nothing", 404)):
        answer = await streams.head(f"/api/stream/mounted/{path}")
        assert (answer.status_code, answer.content) == (status, b"")


async def test_the_route_sees_get_and_a_session_that_reads(streams: httpx.AsyncClient) -> None:
    get, head = await streams.get("/api/stream/method"), await streams.head("/api/stream/method")

    assert head.headers["x-method"] == "GET"
    assert head.headers["x-read-only"] == get.headers["x-read-only"]
    assert (await streams.head("/api/stream/missing")).status_code == 404
