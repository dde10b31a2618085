"""A websocket or a stream holds no connection: asking for a session in one is refused at start."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from bootstrap import create_app
from shared.assembly.discovery import Modules
from shared.container import Runtime
from shared.module import ModuleError
from tests.conftest import MakeApp, module_settings, settings_for
from tests.shared.guarded import scope_of
from tests.shared.packages import MakeModules, declaration

HEAD = """
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from sqlalchemy import text

from shared.access import Public
from shared.database import Session, Sessions
from shared.database.sessions import open_session


def _service(session: Session) -> object:
    return session


Service = Annotated[object, Depends(_service)]
router = APIRouter(dependencies=[Public("for a test")])
guarded = APIRouter(dependencies=[Public("for a test"), Depends(open_session, scope="function")])

"""
LONG_LIVED = {
    "websocket": "@router.websocket('/x')\nasync def long(websocket: WebSocket, session: Session) -> None: ...",
    "through": "@router.websocket('/x')\nasync def long(websocket: WebSocket, service: Service) -> None: ...",
    "router": "@guarded.websocket('/x')\nasync def long(websocket: WebSocket) -> None: ...\n"
    "router.include_router(guarded)",
    "events": "@router.get('/x', response_class=EventSourceResponse)\n"
    "async def long(service: Service) -> AsyncIterator[str]:\n    yield ''",
    "lines": "@router.get('/x')\nasync def long(session: Session) -> AsyncIterator[str]:\n    yield ''",
    "sync": "@router.get('/x')\ndef long(session: Session) -> Iterator[str]:\n    yield ''",
    "class": "@router.get('/x', response_class=StreamingResponse)\nasync def long(session: Session): ...",
    "annotated": "@router.post('/x')\nasync def long(service: Service) -> StreamingResponse: ...",
    "route": "@router.get('/x', response_class=StreamingResponse, dependencies=[Depends(_service)])\n"
    "async def long(): ...",
}
CHAT = """
@router.websocket("/socket")
async def talk(websocket: WebSocket, sessions: Sessions) -> None:
    await websocket.accept()
    async for _ in websocket.iter_text():
        async with sessions.transaction() as session:
            answer = await session.scalar(text("SELECT 1"))
        await websocket.send_text(str(answer))
"""


def modules_with(make_modules: MakeModules, router: str) -> Modules:
    return make_modules({"chat/module.py": declaration(), "chat/__init__.py": "", "chat/router.py": HEAD + router})


@pytest.mark.parametrize("kind", LONG_LIVED)
def test_a_session_in_what_stays_open_stops_the_start(make_modules: MakeModules, kind: str) -> None:
    modules = modules_with(make_modules, LONG_LIVED[kind])

    with pytest.raises(ModuleError, match=r"module 'chat': .*router\.py: \w+ /api/chat/x: .* long .* `Sessions`"):
        create_app(settings_for("sqlite:///unused.db"), module_settings=module_settings(), modules=modules)


def start(app: FastAPI) -> tuple[asyncio.Task[None], asyncio.Queue[Any], asyncio.Queue[Any]]:
    incoming, outgoing = asyncio.Queue[Any](), asyncio.Queue[Any]()
    incoming.put_nowait({"type": "websocket.connect"})
    scope = scope_of("/api/chat/socket", "WEBSOCKET")
    scope["headers"] = [(b"host", b"test")]
    return asyncio.create_task(app(scope, incoming.get, outgoing.put)), incoming, outgoing


async def test_open_sockets_keep_nobody_waiting(make_app: MakeApp, make_modules: MakeModules) -> None:
    app = make_app(modules=modules_with(make_modules, CHAT), database_pool_size=1)
    sockets = [start(app) for _ in range(3)]
    runtime: Runtime = app.state.runtime
    pool: Any = runtime.shared.database().engine.pool

    for _ in range(2):
        for _, incoming, outgoing in sockets:
            while (await outgoing.get())["type"] != "websocket.accept":
                pass
            incoming.put_nowait({"type": "websocket.receive", "text": "hello"})
            assert (await outgoing.get())["text"] == "1"
            outgoing.put_nowait({"type": "websocket.accept"})
        assert pool.checkedout() == 0
        async with runtime.shared.database().transaction():
            pass
    for task, incoming, _ in sockets:
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await task
