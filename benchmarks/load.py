"""The load: a closed loop of keep-alive connections that speak just enough HTTP/1.1.

No maintained tool in the package index installs without a compiler or root. Besides, the scenarios make requests from
earlier answers (a refresh token), and need the load's CPU time apart from the server's.
"""

import asyncio
import json
import re
import time
from array import array
from collections import defaultdict
from collections.abc import Coroutine, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, TypeVar, cast

import uvloop

T = TypeVar("T")

HOST = "127.0.0.1"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
DEADLINE_SECONDS = 30.0


class Answer(NamedTuple):
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json["data"]


Flow = Generator[bytes, Answer, None]
"""The work of one connection: it yields requests, and is sent the answer to each."""


def request(method: str, path: str, *, token: str | None = None, body: object = None) -> bytes:
    """The bytes of a request, as short as HTTP allows."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def repeated(requests: Sequence[bytes], connections: int) -> list[Flow]:
    """Endless flows over one list of requests, each beginning at another place in it."""

    def flow(position: int) -> Flow:
        while True:
            yield requests[position % len(requests)]
            position += 1

    return [flow(number * len(requests) // connections) for number in range(connections)]


@dataclass
class Sample:
    """The answers in one measured period."""

    seconds: float
    client_cpu_seconds: float
    latencies: dict[int, "array[float]"] = field(default_factory=lambda: defaultdict(lambda: array("d")))

    def count(self, status: int = 200) -> int:
        return len(self.latencies[status])

    def rate_of(self, status: int = 200) -> float:
        return self.count(status) / self.seconds

    @property
    def rate(self) -> float:
        return self.rate_of()

    def quantile_ms(self, share: float, status: int = 200) -> float:
        """The latency that this share of the answers did not exceed; NaN without answers."""
        ordered = sorted(self.latencies[status])
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000 if ordered else float("nan")

    @property
    def client_cpu_us(self) -> float:
        return self.client_cpu_seconds / max(1, self.count()) * 1e6

    def require_only(self, status: int = 200) -> None:
        """Refuse a measurement with any other status."""
        others = {other: len(seen) for other, seen in self.latencies.items() if other != status and seen}
        assert not others, f"answers that are not {status}: {others}"
        assert self.count(status), f"not one answer with {status}"


class _Connection(asyncio.Protocol):
    def __init__(self, flow: Flow, seen: "_Seen") -> None:
        self._flow, self._seen = flow, seen
        self._buffer = b""
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class only looks like it
        self._write(next(self._flow))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if (answer := _parsed(self._buffer)) is None:
            return
        self._buffer = b""
        self._seen.latencies[answer.status].append(time.perf_counter() - self._started)
        if self._seen.is_over:
            self._transport.close()
            return
        try:
            self._write(self._flow.send(answer))
        except StopIteration:
            self._transport.close()
        except Exception as error:  # noqa: BLE001 - any error of a flow ends the measurement
            self._seen.fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None or not self._seen.is_over:
            self._seen.fail(exc or ConnectionError("the server closed a connection"))

    def _write(self, content: bytes) -> None:
        self._started = time.perf_counter()
        self._transport.write(content)


@dataclass
class _Seen:
    failed: "asyncio.Future[None]"
    latencies: dict[int, "array[float]"] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    is_over: bool = False

    def fail(self, error: Exception) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)


def _parsed(buffer: bytes) -> Answer | None:
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = LENGTH.search(buffer, 0, end)
    assert length is not None, "an answer without Content-Length"
    if len(buffer) < end + 4 + int(length[1]):
        return None
    return Answer(int(buffer[9:12]), buffer[end + 4 :])


async def drive(port: int, flows: Sequence[Flow], *, seconds: float, warm_up: float = 0.0) -> Sample:
    """Keep every connection busy, and measure after the warm-up."""
    loop = asyncio.get_running_loop()
    seen = _Seen(loop.create_future())
    connections = [await loop.create_connection(lambda f=flow: _Connection(f, seen), HOST, port) for flow in flows]  # type: ignore[misc]  # a lambda's default has no type
    try:
        await _pass(seen, warm_up)
        seen.latencies = defaultdict(lambda: array("d"))
        started, cpu = time.perf_counter(), time.process_time()
        await _pass(seen, seconds)
        sample = Sample(time.perf_counter() - started, time.process_time() - cpu, seen.latencies)
    finally:
        seen.is_over = True
        for transport, _ in connections:
            transport.abort()
    return sample


async def _pass(seen: _Seen, seconds: float) -> None:
    done, _ = await asyncio.wait([seen.failed], timeout=seconds)
    for future in done:
        future.result()


async def pace(port: int, contents: Sequence[bytes], *, every: float, seconds: float) -> Sample:
    """One connection with requests at even intervals: the latency for one user while others keep the server busy."""
    reader, writer = await asyncio.open_connection(HOST, port)
    sample, begun = Sample(seconds, 0.0), time.perf_counter()
    try:
        for number in range(int(seconds / every)):
            await asyncio.sleep(begun + number * every - time.perf_counter())
            answer, took = await _ask(reader, writer, contents[number % len(contents)])
            sample.latencies[answer.status].append(took)
            if time.perf_counter() - begun >= seconds:  # it cannot keep up
                break
    finally:
        writer.close()
    sample.seconds = time.perf_counter() - begun
    return sample


async def ask_again(port: int, content: bytes, *, seconds: float, at_least: int = 3) -> list[float]:
    """Repeat a request on one connection; returns the seconds that each took."""
    reader, writer = await asyncio.open_connection(HOST, port)
    took: list[float] = []
    try:
        while len(took) < at_least or sum(took) < seconds:
            answer, seconds_taken = await _ask(reader, writer, content)
            assert answer.status == 200, answer
            took.append(seconds_taken)
    finally:
        writer.close()
    return took


async def arrive(port: int, contents: Sequence[bytes], *, every: float, seen: Sample) -> None:
    """New clients at even intervals, without waiting for earlier answers (an open loop); until it is cancelled."""

    async def visit(content: bytes) -> None:
        with suppress(TimeoutError, ConnectionError):
            answer, took = await fetch(port, content)
            seen.latencies[answer.status].append(took)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as visitors:
        for number in count():
            await asyncio.sleep(begun + number * every - time.perf_counter())
            visitors.create_task(visit(contents[number % len(contents)]))


async def fetch(port: int, content: bytes) -> tuple[Answer, float]:
    """One request on a connection of its own; the answer, and the seconds it took."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await _ask(reader, writer, content)
    finally:
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> tuple[Answer, float]:
    started, buffer = time.perf_counter(), b""
    writer.write(content)
    while (answer := _parsed(buffer)) is None:
        received = await reader.read(65_536)
        if not received:
            raise ConnectionError("the server closed a connection")
        buffer += received
    return answer, time.perf_counter() - started


def get(port: int, content: bytes) -> Answer:
    return run(fetch(port, content))[0]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in uvloop, which costs the load the least CPU time."""
    return uvloop.run(work)
