"""When Redis is away, limits go on in each process for itself, and nobody waits for Redis twice."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.logging import configure_logging
from shared.throttle import Throttle
from tests.shared.tries import KEYS, REDIS_URL, THREE, admitted, patient, wait_of


class RedisServer:
    """A Redis of the test's own, to be stopped and started."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = patient(f"redis://127.0.0.1:{self.port}")
        self._folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self.process = subprocess.Popen([*command, str(self._folder)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert any("Ready to accept connections" in line for line in self.process.stdout)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None and not REDIS_URL:
        pytest.skip("there is no redis-server")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@contextmanager
def hanging_server() -> Iterator[str]:
    """Takes connections, and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Log:
    """The events that were logged since it was last asked."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging(as_json=True)
        self._capsys = capsys

    def __call__(self) -> list[str]:
        return [json.loads(line)["event"] for line in self._capsys.readouterr().err.splitlines()]


async def test_item_85_without_redis_each_process_counts_for_itself_until_it_is_back(
    own_redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    events, clock = Log(capsys), Seconds()
    throttle = Throttle(own_redis.url, KEYS, monotonic=clock)
    assert await admitted(throttle, 20) == 3
    assert events() == []

    own_redis.stop()
    assert await admitted(throttle, 20) == 3
    assert await admitted(throttle, 20) == 0
    assert await wait_of(throttle) > 290
    await throttle.reserve(THREE, "login", "bob")
    await throttle.clear(THREE, "login", "ada")
    assert await wait_of(throttle) == 0
    assert events() == ["throttle_degraded"]

    clock.now += 60
    assert await admitted(throttle, 20) == 3
    assert events() == []

    own_redis.start()
    assert await admitted(throttle, 20) == 0, "it was asked just now, and is not asked again at once"
    clock.now += 6
    assert await wait_of(throttle) == 0, "counted in Redis again, which has forgotten everything"
    assert events() == ["throttle_restored"]
    assert await admitted(throttle, 20) == 3
    assert events() == []

    own_redis.stop()
    assert await admitted(throttle, 5, key="carol") == 3
    assert events() == ["throttle_degraded"]
    await throttle.close()


async def test_item_85_redis_that_was_restarted_between_two_tries_is_not_missed(
    own_redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    events = Log(capsys)
    throttle = Throttle(own_redis.url, KEYS)
    assert await admitted(throttle, 20) == 3

    await asyncio.to_thread(own_redis.stop)
    await asyncio.to_thread(own_redis.start)

    assert await admitted(throttle, 20) == 3
    assert events() == []
    await throttle.close()


async def test_only_one_request_asks_whether_redis_is_back(capsys: pytest.CaptureFixture[str]) -> None:
    events, clock = Log(capsys), Seconds()
    with hanging_server() as url:
        throttle = Throttle(url, KEYS, monotonic=clock)
        started = time.perf_counter()
        assert await admitted(throttle, 200) == 3
        clock.now += 6
        assert await admitted(throttle, 200) == 0
        took = time.perf_counter() - started
        await throttle.close()

    assert took < 5, "200 tries that each waited for Redis, eight at a time, would take longer"
    assert events() == ["throttle_degraded"]


async def test_a_wrong_password_for_redis_is_not_shown(
    own_redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(as_json=True)
    throttle = Throttle(own_redis.url.replace("//", "//someone:canary-password@"), KEYS)

    assert await admitted(throttle, 5) == 3

    log = capsys.readouterr().err
    assert "throttle_degraded" in log
    assert "canary" not in log
    await throttle.close()
