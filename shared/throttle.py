"""Limits on how often something may be tried, counted in this process or, for several of them, in Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.memory import Entry
from limits.aio.strategies import MovingWindowRateLimiter
from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from shared.errors import TooManyRequests
from shared.keys import KeyRing

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

NO_LIMIT = "none"

MEMORY = "memory://"
REDIS_TIMEOUT = 0.1
REDIS_CONNECTIONS = 8
SECONDS_BETWEEN_PROBES = 5
SWEEP_KEYS = 1000


def rate_limits(text: str) -> tuple[RateLimitItem, ...]:
    """Read `5/5 minutes; 20/hour`; `none` is no limit at all.

    Raises:
        ValueError: The text cannot be read.
    """
    try:
        return () if text.strip().lower() == NO_LIMIT else tuple(parse_many(text))
    except ValueError:
        raise ValueError(f"must read like 5/5 minutes; 20/hour, or {NO_LIMIT}") from None


def _from_text(value: Any) -> Any:
    return rate_limits(value) if isinstance(value, str) else value


RateLimits = Annotated[tuple[RateLimitItem, ...], NoDecode, BeforeValidator(_from_text)]
"""Several limits in one setting, all of which must hold."""


def check_storage(uri: str) -> None:
    """Whether a Throttle can be made with this: `memory://`, `redis://...` or `rediss://...`.

    Raises:
        ValueError: With a message that does not repeat the address, which may hold a password.
    """
    if uri != MEMORY and not _is_redis(uri):
        raise ValueError(f"must be {MEMORY}, redis://host:port/number or rediss://host:port/number")


def _is_redis(uri: str) -> bool:
    try:
        address = urlsplit(uri)
        # Nothing is sent; but an option that does not exist shows now, and not at the first request.
        _redis_client(uri).connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis has types elsewhere
    except Exception:  # noqa: BLE001 - whatever is wrong with it: the library's text might show the password
        return False
    return address.scheme in {"redis", "rediss"} and bool(address.hostname)


class Throttle:
    """Counts tries by an action and a key. Keys are stored as MACs: whoever reads Redis learns no address.

    Without Redis it goes on with counts of this process alone, and asks every few seconds whether Redis is back.
    """

    def __init__(
        self,
        storage_uri: str,
        keys: KeyRing,
        *,
        prefix: str = "throttle",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._monotonic = monotonic
        self._here = _Window(_Memory())
        self._redis = None if storage_uri == MEMORY else _Redis(storage_uri, prefix)
        # Whoever waits here while Redis hangs need not wait for it once more.
        self._turns = asyncio.Semaphore(REDIS_CONNECTIONS)
        self._probe_at: float | None = None  # None as long as Redis answers

    async def reserve(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Take one try, before the work begins: of any number of requests at once only as many as allowed get through.

        Raises:
            TooManyRequests: With the seconds to wait. A refused try does not make the wait longer.
        """
        stored = self._stored(action, key)
        wait = await self._count(lambda window: window.reserve(limits, stored))
        if wait is not None:
            raise TooManyRequests(wait)

    async def give_back(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Undo one try that was taken: it turned out to be one that need not be counted."""
        stored = self._stored(action, key)
        await self._count(lambda window: window.give_back(limits, stored))

    async def clear(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Forget the tries so far."""
        stored = self._stored(action, key)
        await self._count(lambda window: window.forget(limits, stored))

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.close()

    def _stored(self, action: str, key: str) -> str:
        return self._keys.sign("throttle", f"{action}|{key}".encode()).hex()

    async def _count(self, work: "Callable[[_Window], Awaitable[float | None]]") -> float | None:
        if self._redis is None:
            return await work(self._here)
        async with self._turns:
            was_away = self._probe_at is not None
            if self._may_ask_redis():
                try:
                    wait = await work(_Window(self._redis))
                except self._redis.failures as error:
                    self._degrade(error)
                else:
                    if was_away:
                        self._restore()
                    return wait
        return await work(self._here)

    def _may_ask_redis(self) -> bool:
        if self._probe_at is None:
            return True
        if self._monotonic() < self._probe_at:
            return False
        self._probe_at = self._monotonic() + SECONDS_BETWEEN_PROBES  # one asks, the others go on
        return True

    def _degrade(self, error: Exception) -> None:
        if self._probe_at is None:
            log.warning("throttle_degraded", reason=f"{type(error).__name__}: {error}")
        self._probe_at = self._monotonic() + SECONDS_BETWEEN_PROBES

    def _restore(self) -> None:
        if self._probe_at is not None:
            log.warning("throttle_restored")
        self._probe_at = None


class _Memory(MemoryStorage):
    """Without the library's way to forget: a task at each try, which outlives its event loop, and a thread per key."""

    def __init__(self) -> None:
        super().__init__()
        self._sweep_at = SWEEP_KEYS

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        # Nothing here waits, so nothing can come between the look and the entry.
        entries = self.events.get(key, [])
        if amount > limit or (len(entries) >= limit and entries[limit - amount].atime >= time.time() - expiry):
            return False
        self.events[key] = [Entry(expiry)] * amount + entries[: limit - amount]
        if len(self.events) >= self._sweep_at:
            self._sweep()
        return True

    async def give_back(self, key: str) -> None:
        # Nothing is there when the try was taken in Redis, which has gone away since.
        self.events[key] = self.events.get(key, [])[1:]

    def _sweep(self) -> None:
        now = time.time()
        self.events = {key: entries for key, entries in self.events.items() if entries and entries[0].expiry > now}
        self._sweep_at = max(SWEEP_KEYS, 2 * len(self.events))


def _redis_client(uri: str) -> "Redis":
    from redis.asyncio import Redis  # noqa: PLC0415 - takes a quarter of a second, which only Redis is worth

    return Redis.from_url(uri, socket_connect_timeout=REDIS_TIMEOUT, socket_timeout=REDIS_TIMEOUT, protocol=2)


class _Redis(RedisStorage):
    def __init__(self, uri: str, prefix: str) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - as above

        self._client = _redis_client(uri)
        self.failures: tuple[type[Exception], ...] = (RedisError, OSError)
        super().__init__(
            "async+redis://",
            implementation="redispy",
            key_prefix=prefix,
            connection_pool=self._client.connection_pool,  # type: ignore[arg-type]  # documented, but typed as plain values
        )

    async def give_back(self, key: str) -> None:
        await self._client.lpop(self.bridge.prefixed_key(key))

    async def close(self) -> None:
        await self._client.aclose()


class _Window(MovingWindowRateLimiter):
    """The moving windows in one storage. What gives a number gives the seconds to wait; None means go."""

    storage: _Memory | _Redis

    async def wait(self, limits: tuple[RateLimitItem, ...], key: str) -> float | None:
        windows = [(limit, await self.get_window_stats(limit, key)) for limit in limits]
        waits = [window.reset_time - time.time() for _, window in windows if window.remaining <= 0]
        return max(waits, default=None)

    async def reserve(self, limits: tuple[RateLimitItem, ...], key: str) -> float | None:
        if (wait := await self.wait(limits, key)) is not None:
            return wait
        for number, limit in enumerate(limits):
            if not await self.hit(limit, key):
                # Others were faster. What this try took of the limits before must not lengthen anybody's wait.
                await self.give_back(limits[:number], key)
                return await self.wait(limits, key) or 0
        return None

    async def give_back(self, limits: tuple[RateLimitItem, ...], key: str) -> None:
        for limit in limits:
            await self.storage.give_back(limit.key_for(key))

    async def forget(self, limits: tuple[RateLimitItem, ...], key: str) -> None:
        for limit in limits:
            await self.clear(limit, key)
