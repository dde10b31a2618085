"""Work that an answer does not wait for: a few at a time, none forgotten, and never a log without its request."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared.background import BackgroundRunner
from shared.context import RequestInfo, current_request
from shared.logging import configure_logging

Log = Callable[[], list[dict[str, Any]]]


def start_log(capsys: pytest.CaptureFixture[str]) -> Log:
    """Gives a function that reads what was logged since; not a fixture, because pytest changes stderr after those."""
    configure_logging(as_json=True)
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


class Gate:
    """Work that comes in, and goes on when it is opened."""

    def __init__(self) -> None:
        self.entered = 0
        self.left = 0
        self.is_open = asyncio.Event()
        self._entry = asyncio.Condition()

    async def work(self) -> None:
        async with self._entry:
            self.entered += 1
            self._entry.notify_all()
        await self.is_open.wait()
        self.left += 1

    async def is_entered(self, times: int) -> None:
        async with asyncio.timeout(30), self._entry:
            await self._entry.wait_for(lambda: self.entered >= times)


async def fail() -> None:
    raise LookupError("the reason")


async def test_nobody_waits_for_it() -> None:
    background, gate = BackgroundRunner(), Gate()

    background.run(gate.work())
    assert gate.entered == 0

    await gate.is_entered(1)
    gate.is_open.set()
    await background.close()
    assert gate.left == 1


async def test_only_a_few_run_at_once_and_the_others_in_their_turn() -> None:
    background, gate = BackgroundRunner(running_at_once=3), Gate()

    for _ in range(10):
        background.run(gate.work())
    await gate.is_entered(3)
    assert (gate.entered, gate.left) == (3, 0)

    gate.is_open.set()
    await background.close()
    assert (gate.entered, gate.left) == (10, 10)


async def test_beyond_what_may_wait_it_is_dropped_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log = start_log(capsys)
    background, gate = BackgroundRunner(running_at_once=1, waiting=2), Gate()

    for _ in range(4):
        background.run(gate.work())

    (line,) = log()
    assert (line["event"], line["level"], line["task"]) == ("background_task_dropped", "error", "Gate.work")
    gate.is_open.set()
    await background.close()
    assert gate.left == 3


async def test_a_failure_is_logged_with_the_request_that_it_came_from_and_harms_nobody_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = start_log(capsys)
    background, gate = BackgroundRunner(running_at_once=1), Gate()
    gate.is_open.set()

    def run_within(request_id: str, work: Coroutine[Any, Any, None]) -> None:
        token = current_request.set(RequestInfo(request_id))
        background.run(work)
        current_request.reset(token)

    run_within("first", fail())
    run_within("second", gate.work())
    run_within("third", fail())
    await background.close()

    lines = log()
    assert [line["event"] for line in lines] == ["background_task_failed"] * 2
    # The third one was started when another request's work had ended.
    assert [line["request_id"] for line in lines] == ["first", "third"]
    assert {line["task"] for line in lines} == {"fail"}
    assert all("LookupError: the reason" in line["exception"] for line in lines)
    assert gate.left == 1


async def test_closing_waits_for_what_the_work_starts_in_turn() -> None:
    background, gate = BackgroundRunner(), Gate()
    gate.is_open.set()

    async def start_another() -> None:
        background.run(gate.work())

    background.run(start_another())
    await background.close()

    assert gate.left == 1


async def test_closing_gives_up_after_a_while_and_logs_how_much_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    log = start_log(capsys)
    background, gate = BackgroundRunner(running_at_once=2, grace_seconds=0.01), Gate()

    for number in range(5):
        token = current_request.set(RequestInfo(f"request-{number}"))
        background.run(gate.work(), template="welcome")
        current_request.reset(token)
    await background.close()

    line, *lost = log()
    assert {(one["event"], one["task"], one["template"]) for one in lost} == {
        ("background_task_lost", "Gate.work", "welcome")
    }
    assert [one["request_id"] for one in lost] == [f"request-{number}" for number in range(5)]
    assert (line["event"], line["level"]) == ("background_tasks_lost", "error")
    assert (line["running"], line["waiting"]) == (2, 3)
    assert (gate.entered, gate.left) == (2, 0)


async def test_closing_does_not_wait_for_work_that_cannot_be_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    log = start_log(capsys)
    background, gate, is_released = BackgroundRunner(grace_seconds=0.01), Gate(), asyncio.Event()

    async def refuse() -> None:
        try:
            await gate.work()
        except asyncio.CancelledError:
            await is_released.wait()

    background.run(refuse())
    async with asyncio.timeout(30):
        await background.close()

    assert [line["event"] for line in log()] == ["background_tasks_lost", "background_task_lost"]
    is_released.set()
    await background.close()


def test_it_can_be_made_where_no_loop_is_running_and_serve_in_several_one_after_the_other() -> None:
    background, done = BackgroundRunner(running_at_once=1), []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    async def serve(*numbers: int) -> None:
        for number in numbers:
            background.run(work(number))
        await background.close()

    asyncio.run(serve(1, 2, 3))
    asyncio.run(serve(4, 5))

    assert done == [1, 2, 3, 4, 5]


async def test_closing_when_nothing_runs_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    log = start_log(capsys)

    await BackgroundRunner().close()

    assert log() == []
