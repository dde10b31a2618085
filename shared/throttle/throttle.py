"""Limits on how often something may be tried, counted in this process or, for several processes, in Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import structlog
from limits import RateLimitItem, parse_many
from pydantic import BeforeValidator, PlainSerializer
from pydantic_settings import NoDecode

from shared.context import current_request
from shared.errors import InternalError, TooManyRequests
from shared.http.exception_handlers import failure_of
from shared.keys import KeyRing
from shared.throttle.storage import InRedis, Memory, Storage, redis_client

log = structlog.get_logger(__name__)

NO_LIMIT = "none"

MEMORY = "memory://"
REDIS_CONNECTIONS = 8
SECONDS_BETWEEN_PROBES = 5


def rate_limits(text: str) -> tuple[RateLimitItem, ...]:
    """Read `5/5 minutes; 20/hour`; `none` is no limit at all.

    Raises:
        ValueError: The text cannot be read.
    """
    try:
        return () if text.strip().lower() == NO_LIMIT else tuple(parse_many(text))
    except ValueError:
        raise ValueError(f"must read like 5/5 minutes; 20/hour, or {NO_LIMIT} for no limit") from None


def _from_text(value: Any) -> Any:
    return rate_limits(value) if isinstance(value, str) else value


def _to_text(limits: tuple[RateLimitItem, ...]) -> str:
    return "; ".join(map(str, limits)) or NO_LIMIT


LIMITS = tuple[RateLimitItem, ...]

RateLimits = Annotated[LIMITS, NoDecode, BeforeValidator(_from_text), PlainSerializer(_to_text, when_used="json")]
"""Several limits in one setting, all of which must hold. Empty is a fault: it could mean none or the default."""


def check_storage(uri: str) -> None:
    """Check the address of a Throttle's storage: `memory://`, `redis://...` or `rediss://...`.

    Raises:
        ValueError: With a message that does not repeat the address, which may hold a password.
    """
    if uri != MEMORY and not _is_redis(uri):
        raise ValueError(f"must be {MEMORY}, redis://host:port/number or rediss://host:port/number")


def _is_redis(uri: str) -> bool:
    try:
        address = urlsplit(uri)
        # It sends nothing, but an unknown option fails now and not at the first request.
        redis_client(uri).connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis has types elsewhere
    except Exception:  # noqa: BLE001 - every fault: the library's text might show the password
        return False
    return address.scheme in {"redis", "rediss"} and bool(address.hostname)


Ending = BaseException | None
"""The end of a try: an exception, or None for success."""


def answered(ending: Ending) -> bool:
    """True if the caller gets a yes or a no; False if the service fails, or the try is cancelled."""
    return ending is None or (isinstance(ending, Exception) and failure_of(ending).status < InternalError.status)


def succeeded(ending: Ending) -> bool:
    return ending is None


def ended_in(*verdicts: type[Exception]) -> Callable[[Ending], bool]:
    """For limits on failures: `stands=ended_in(WrongPassword)`."""
    return lambda ending: isinstance(ending, verdicts)


@dataclass(frozen=True, slots=True)
class Count:
    """The tries of one action by one key (a client, an account), and the limits that all must hold.

    `stands` is true for the endings after which a try stays counted. A failure of the service is none of them: an
    outage must not lock anybody out.
    """

    limits: tuple[RateLimitItem, ...]
    action: str
    key: str
    stands: Callable[[Ending], bool] = answered


class Throttle:
    """Counts tries by an action and a key. Keys are stored as MACs, so that Redis contains no address.

    Without Redis it continues with counts of this process alone, and checks every few seconds whether Redis is back.
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
        self._here = Memory()
        self._redis = None if storage_uri == MEMORY else InRedis(storage_uri, prefix)
        # Requests that wait here while Redis hangs do not ask it afterwards.
        self._turns = asyncio.Semaphore(REDIS_CONNECTIONS)
        self._probe_at: float | None = None  # None as long as Redis answers

    def attempt(self, *counts: Count) -> "Attempt":
        """One try of something that is limited: `async with throttle.attempt(Count(...)):` around the work."""
        return Attempt(self, counts)

    async def reserve_all(self, counts: Sequence[Count], *, besides: Sequence[Count] = ()) -> None:
        """Take one try of each count before the work begins, so that concurrent requests cannot exceed the limits.

        A refused try is not counted by the limit that refuses it, nor by those after it: name the client's count before
        the account's.

        Raises:
            TooManyRequests: With the seconds after which all of them, and those `besides`, have a try left.
        """
        wait = await self._count(lambda storage: self._reserve(storage, counts, besides))
        if wait is not None:
            raise TooManyRequests(wait)

    async def give_back_all(self, counts: Sequence[Count]) -> None:
        """Undo one try of each count, when it need not be counted after all."""
        if counts:
            await self._count(lambda storage: self._give_back(storage, counts))

    async def reserve(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Like `reserve_all`, for one count."""
        await self.reserve_all([Count(limits, action, key)])

    async def give_back(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Like `give_back_all`, for one count."""
        await self.give_back_all([Count(limits, action, key)])

    async def clear(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Forget the tries so far."""
        mac = self._mac(Count(limits, action, key))
        await self._count(lambda storage: storage.forget(limits, mac))

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.close()

    async def _reserve(self, storage: Storage, counts: Sequence[Count], besides: Sequence[Count]) -> float | None:
        # All are checked before one is taken, so that a refused request does not take up a try even for a moment.
        if await self._wait(storage, counts) is None and await self._take(storage, counts):
            return None
        await self._count_refusal(storage, counts)
        return await self._wait(storage, [*counts, *besides]) or 0

    async def _count_refusal(self, storage: Storage, counts: Sequence[Count]) -> None:
        """Let the counts before the one that refuses count the refusal, if it stands with them."""
        refusal = TooManyRequests()
        for count in counts:
            if await self._wait(storage, [count]) is not None:
                return
            if count.stands(refusal):
                await storage.take(count.limits, self._mac(count))

    async def _take(self, storage: Storage, counts: Sequence[Count]) -> bool:
        for number, count in enumerate(counts):
            if not await storage.take(count.limits, self._mac(count)):  # others were faster
                await self._give_back(storage, counts[:number])
                return False
        return True

    async def _wait(self, storage: Storage, counts: Sequence[Count]) -> float | None:
        waits = [await storage.wait(count.limits, self._mac(count)) for count in counts]
        return max((wait for wait in waits if wait is not None), default=None)

    async def _give_back(self, storage: Storage, counts: Sequence[Count]) -> None:
        for count in counts:
            await storage.give_back(count.limits, self._mac(count))

    def _mac(self, count: Count) -> bytes:
        return self._keys.sign("throttle", f"{count.action}|{count.key}".encode())

    async def _count(self, work: Callable[[Storage], Awaitable[float | None]]) -> float | None:
        if self._redis is None:
            return await work(self._here)
        async with self._turns:
            was_away = self._probe_at is not None
            if self._may_ask_redis():
                try:
                    wait = await work(self._redis)
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
        self._probe_at = self._monotonic() + SECONDS_BETWEEN_PROBES  # one request probes, the others go on
        return True

    def _degrade(self, error: Exception) -> None:
        if self._probe_at is None:
            log.warning("throttle_degraded", reason=f"{type(error).__name__}: {error}")
        self._probe_at = self._monotonic() + SECONDS_BETWEEN_PROBES

    def _restore(self) -> None:
        if self._probe_at is not None:
            log.warning("throttle_restored")
        self._probe_at = None


class Attempt:
    """One try: taken of every count when the block begins, and given back if its ending need not be counted.

    Work that continues after the answer enters the same attempt again.
    """

    def __init__(self, throttle: Throttle, counts: Sequence[Count]) -> None:
        self._throttle = throttle
        self._wanted = counts
        self._taken: list[Count] = []
        self._is_within_another = False

    async def take(self, *counts: Count) -> None:
        """Take a try of further counts, which were not known before.

        Raises:
            TooManyRequests: With the wait that satisfies those taken before, too.
        """
        await self._throttle.reserve_all(counts, besides=self._taken)
        self._taken += counts

    async def __aenter__(self) -> Self:
        request, wanted, self._wanted = current_request.get(), self._wanted, ()
        await self.take(*wanted)
        self._is_within_another, request.is_counted = request.is_counted, True
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, ending: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        current_request.get().is_counted = self._is_within_another
        taken, self._taken = self._taken, [count for count in self._taken if count.stands(ending)]
        await self._throttle.give_back_all([count for count in taken if not count.stands(ending)])
