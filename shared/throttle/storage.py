"""Stores tries: in this process, or in Redis for several processes. A limit is a moving window over them."""

import time
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from limits import RateLimitItem
from limits.aio.storage import RedisStorage

if TYPE_CHECKING:
    from redis.asyncio import Redis

REDIS_TIMEOUT = 0.1

# The largest number of keys in memory, some 30 MB: attackers can try any number of unknown names.
MOST_KEYS = 100_000
KEPT_KEYS = 90_000
SWEEP_KEYS = 1000

Limits = Sequence[RateLimitItem]


class Storage(Protocol):
    """Tries by key; a key is a MAC of what is counted."""

    async def wait(self, limits: Limits, key: bytes) -> float | None:
        """The seconds until all of these limits allow one more try; None if they do now."""

    async def take(self, limits: Limits, key: bytes) -> bool:
        """Add a try, unless one of the limits is reached: then nothing is added."""

    async def give_back(self, limits: Limits, key: bytes) -> None:
        """Remove the newest try. There may be none: it was taken elsewhere, or has been forgotten."""

    async def forget(self, limits: Limits, key: bytes) -> None:
        """Remove all tries."""


class _Tries:
    """The tries of one key: their times, the newest last, and for how long the newest one matters."""

    __slots__ = ("kept_for", "moments")

    def __init__(self, kept_for: float) -> None:
        self.kept_for = kept_for
        self.moments = array("d")

    def wait(self, limit: RateLimitItem, now: float) -> float:
        """Zero or less when this limit is not reached."""
        if len(self.moments) < limit.amount:
            return 0
        first = self.moments[-limit.amount] if limit.amount else now
        return first + limit.get_expiry() - now


class Memory:
    """Stores tries in this process. It never awaits, so checking and taking a try is atomic.

    A key has one list of times for all of its limits, as many as the widest needs. When there are too many keys, those
    with the fewest tries are forgotten, the oldest first: to have a key with five tries forgotten, an attacker must
    fill the memory with other keys, each tried as often.
    """

    def __init__(self, most_keys: int = MOST_KEYS, kept_keys: int = KEPT_KEYS) -> None:
        self._most_keys = most_keys
        self._kept_keys = kept_keys
        self._sweep_at = SWEEP_KEYS
        self._tries: dict[bytes, _Tries] = {}

    def __len__(self) -> int:
        return len(self._tries)

    async def wait(self, limits: Limits, key: bytes) -> float | None:
        tries, now = self._tries.get(key), time.time()
        waits = [wait for limit in limits if (wait := (tries or _Tries(0)).wait(limit, now)) > 0]
        return max(waits, default=None)

    async def take(self, limits: Limits, key: bytes) -> bool:
        if not limits:
            return True
        if await self.wait(limits, key) is not None:
            return False
        # Removed and added again, so that the keys are in the order of their last tries.
        tries = self._tries.pop(key, None) or _Tries(max(limit.get_expiry() for limit in limits))
        self._tries[key] = tries
        tries.moments.append(time.time())
        del tries.moments[: -max(limit.amount for limit in limits)]
        if len(self._tries) >= self._sweep_at:
            self._sweep()
        return True

    async def give_back(self, limits: Limits, key: bytes) -> None:
        if limits and (tries := self._tries.get(key)):
            tries.moments.pop()
            if not tries.moments:
                del self._tries[key]

    async def forget(self, _limits: Limits, key: bytes) -> None:
        self._tries.pop(key, None)

    def _sweep(self) -> None:
        now = time.time()
        self._tries = {key: one for key, one in self._tries.items() if one.moments[-1] + one.kept_for > now}
        if len(self._tries) > self._kept_keys:
            fewest_first = sorted(self._tries, key=lambda key: len(self._tries[key].moments))
            for key in fewest_first[: len(self._tries) - self._kept_keys]:
                del self._tries[key]
        self._sweep_at = min(self._most_keys, max(SWEEP_KEYS, 2 * len(self._tries)))


def redis_client(uri: str) -> "Redis":
    from redis.asyncio import Redis  # noqa: PLC0415 - takes a quarter of a second, and only Redis needs it

    return Redis.from_url(uri, socket_connect_timeout=REDIS_TIMEOUT, socket_timeout=REDIS_TIMEOUT, protocol=2)


class InRedis:
    """Stores tries in Redis, which forgets expired windows by itself. Each limit of a key has an entry of its own."""

    def __init__(self, uri: str, prefix: str) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - as above

        self._client = redis_client(uri)
        self.failures: tuple[type[Exception], ...] = (RedisError, OSError)
        self._storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=prefix,
            connection_pool=self._client.connection_pool,  # type: ignore[arg-type]  # documented, but typed as plain values
        )

    async def wait(self, limits: Limits, key: bytes) -> float | None:
        waits = []
        for limit in limits:
            name, window = limit.key_for(key.hex()), limit.get_expiry()
            first, tries = await self._storage.get_moving_window(name, limit.amount, window)
            if tries >= limit.amount:
                waits.append(first + window - time.time())
        return max(waits, default=None)

    async def take(self, limits: Limits, key: bytes) -> bool:
        for number, limit in enumerate(limits):
            if not await self._storage.acquire_entry(limit.key_for(key.hex()), limit.amount, limit.get_expiry()):
                await self.give_back(limits[:number], key)
                return False
        return True

    async def give_back(self, limits: Limits, key: bytes) -> None:
        for limit in limits:
            await self._client.lpop(self._storage.bridge.prefixed_key(limit.key_for(key.hex())))

    async def forget(self, limits: Limits, key: bytes) -> None:
        for limit in limits:
            await self._storage.clear(limit.key_for(key.hex()))

    async def close(self) -> None:
        await self._client.aclose()
