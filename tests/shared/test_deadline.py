"""Work is given up when its time is over or its client has left, but not when that would tell a lie."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from shared.context import RequestInfo, current_request
from shared.middleware.deadline import WHEN_LEFT, DeadlineMiddleware, TookTooLong
from shared.throttle import Count, Throttle, rate_limits
from tests.conftest import Account, MakeApp, client_of
from tests.shared.test_waits import SLOW, answers, ask, opened

Work = Callable[[Send], Awaitable[None]]
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


class Call:
    """One request, whose work is `work`."""

    def __init__(self, work: Work, *, seconds: float | None) -> None:
        self.scope: Scope = {"type": "http"}
        self.sent: list[Message] = []
        self.request = RequestInfo()
        current_request.set(self.request)  # of this test's own task
        self.has_begun = asyncio.Event()

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            self.has_begun.set()
            await work(send)

        self._app = DeadlineMiddleware(app, seconds=seconds)

    async def answer(self) -> list[int]:
        """The statuses that were sent."""

        async def send(message: Message) -> None:
            self.sent.append(message)

        await self._app(self.scope, self._receive, send)
        return [message["status"] for message in self.sent if "status" in message]

    async def answer_while_the_client_leaves(self) -> list[int]:
        answering = asyncio.create_task(self.answer())
        await self.has_begun.wait()
        self.scope[WHEN_LEFT]()
        return await answering

    async def _receive(self) -> Message:
        raise AssertionError("nobody reads")


async def hang(_send: Send) -> None:
    await asyncio.Event().wait()


async def answer_at_last(send: Send) -> None:
    await asyncio.sleep(0.1)  # longer than it may
    await send(START)


async def test_item_87_what_takes_too_long_is_given_up() -> None:
    with pytest.raises(TookTooLong):
        await Call(hang, seconds=0.01).answer()


async def test_item_87_an_answer_that_has_begun_may_last() -> None:
    async def stream(send: Send) -> None:
        await send(START)
        await asyncio.sleep(0.1)

    assert await Call(stream, seconds=0.05).answer() == [200]


async def test_item_87_a_commit_on_its_way_is_not_given_up() -> None:
    call = Call(answer_at_last, seconds=0.01)
    call.request.is_committing = True

    assert await call.answer() == [200]


async def test_item_87_whoever_leaves_is_not_worked_for() -> None:
    assert await Call(hang, seconds=None).answer_while_the_client_leaves() == [499]


async def test_item_87_whoever_leaves_does_not_get_a_try_back(throttle: Throttle) -> None:
    count = Count(rate_limits("1/hour"), "login", "ada")

    async def attempt(send: Send) -> None:
        async with throttle.attempt(count):
            await answer_at_last(send)

    call = Call(attempt, seconds=None)
    answering = asyncio.create_task(call.answer())
    while not call.request.is_counted:  # noqa: ASYNC110 - the try is taken before
        await asyncio.sleep(0)
    call.scope[WHEN_LEFT]()

    assert await answering == [200]
    assert not call.request.is_counted


async def test_item_87_what_the_server_ends_is_not_taken_for_it() -> None:
    call = Call(hang, seconds=60)
    answering = asyncio.create_task(call.answer())
    await call.has_begun.wait()
    answering.cancel()

    with pytest.raises(asyncio.CancelledError):
        await answering


async def test_item_87_a_request_that_takes_too_long_is_503(make_app: MakeApp, user: Account, database: str) -> None:
    app = make_app(request_timeout_seconds=0.5, database_pool_size=1, database_pool_timeout_seconds=60)
    runtime = app.state.runtime
    async with client_of(app) as client, runtime.shared.database().transaction() as session:
        await session.connection()
        refused = await client.get("/api/auth/sessions", headers=user.headers)

    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (503, "unavailable", "1")


async def test_item_87_what_is_cancelled_gives_its_connection_back(database: str, backend: str) -> None:
    async with opened(database, statement=None) as waiting:
        for way in (waiting.read, waiting.transaction):
            asking = asyncio.create_task(ask(way(), SLOW[backend]))
            while not waiting.engine.pool.checkedout():  # type: ignore[attr-defined]  # of the pool that counts  # noqa: ASYNC110
                await asyncio.sleep(0)
            asking.cancel()
            assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncio.CancelledError)
            assert await answers(waiting)
