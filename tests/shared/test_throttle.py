"""Limits hold for any number of requests at once, in memory and in Redis."""

import asyncio
import time
import tracemalloc

import pytest
from redis import Redis

from shared.errors import TooManyRequests
from shared.keys import KeyRing
from shared.testing.applications import SECRET
from shared.throttle import Throttle, rate_limits
from shared.throttle.storage import Memory
from tests.shared.tries import KEYS, REDIS_URL, THREE, admitted, patient, wait_of

BOTH = rate_limits("3/5 minutes; 5/hour")


class WallClock:
    def __init__(self) -> None:
        self.ahead = 0.0
        self._time = time.time

    def __call__(self) -> float:
        return self._time() + self.ahead


@pytest.fixture
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """The time of the limits, which the library takes from `time.time`."""
    clock = WallClock()
    monkeypatch.setattr(time, "time", clock)
    return clock


async def test_as_many_tries_as_allowed_get_through_and_the_next_is_told_to_wait(throttle: Throttle) -> None:
    for _ in range(3):
        await throttle.reserve(THREE, "login", "ada")

    with pytest.raises(TooManyRequests) as refused:
        await throttle.reserve(THREE, "login", "ada")

    assert 295 <= int(refused.value.headers["Retry-After"]) <= 300


async def test_each_action_and_each_key_has_a_count_of_its_own(throttle: Throttle) -> None:
    assert await admitted(throttle, 4) == 3

    assert await admitted(throttle, 4, key="bob") == 3
    await throttle.reserve(THREE, "refresh", "ada")


async def test_a_burst_gets_no_more_tries_than_one_after_another(throttle: Throttle) -> None:
    assert await admitted(throttle, 100) == 3
    assert await admitted(throttle, 100, key="bob", limits="3/5 minutes; 5/hour") == 3


async def test_several_processes_share_one_count_in_redis(redis: Redis, prefix: str) -> None:
    several = [Throttle(patient(REDIS_URL), KEYS, prefix=prefix) for _ in range(4)]

    counts = await asyncio.gather(*(admitted(one, 25, limits="7/hour; 9/day") for one in several))

    assert sum(counts) == 7
    for one in several:
        await one.close()


async def test_no_limit_admits_everybody(throttle: Throttle) -> None:
    assert await admitted(throttle, 50, limits="none") == 50
    assert await wait_of(throttle, "none") == 0


async def test_tries_are_forgotten_one_by_one_as_their_window_passes(throttle: Throttle, wall_clock: WallClock) -> None:
    await throttle.reserve(THREE, "login", "ada")
    wall_clock.ahead = 200
    assert await admitted(throttle, 3) == 2

    wall_clock.ahead = 301
    assert await admitted(throttle, 3) == 1
    wall_clock.ahead = 700
    assert await admitted(throttle, 5) == 3


async def test_refused_tries_do_not_make_the_wait_longer(throttle: Throttle, wall_clock: WallClock) -> None:
    assert await admitted(throttle, 3) == 3

    for wall_clock.ahead in (100, 200, 299):
        assert await admitted(throttle, 20) == 0
        assert await wait_of(throttle) in {300 - wall_clock.ahead, 299 - wall_clock.ahead}

    wall_clock.ahead = 301
    assert await admitted(throttle, 3) == 3


async def test_all_limits_must_hold_and_the_longest_wait_is_told(throttle: Throttle, wall_clock: WallClock) -> None:
    both = "3/5 minutes; 5/hour"
    assert await admitted(throttle, 4, limits=both) == 3
    assert 290 <= await wait_of(throttle, both) <= 300

    wall_clock.ahead = 301
    assert await admitted(throttle, 4, limits=both) == 2
    assert 3290 <= await wait_of(throttle, both) <= 3300


async def test_a_try_that_one_limit_refuses_is_not_counted_by_another(
    throttle: Throttle, wall_clock: WallClock
) -> None:
    # The narrow limit stands last: whoever is refused by it has passed the wide one.
    limits = "10/hour; 2/minute"

    assert await admitted(throttle, 40, limits=limits) == 2
    for wall_clock.ahead in (61, 122, 183, 244):
        assert await admitted(throttle, 40, limits=limits) == 2
    wall_clock.ahead = 305
    assert await admitted(throttle, 40, limits=limits) == 0
    assert 3290 <= await wait_of(throttle, limits) <= 3300


async def test_what_is_given_back_can_be_taken_again(throttle: Throttle, wall_clock: WallClock) -> None:
    await throttle.give_back(BOTH, "login", "ada")  # nothing was taken, so nothing is there
    for wall_clock.ahead in (0, 100, 200):
        await throttle.reserve(BOTH, "login", "ada")
    for _ in range(2):
        await throttle.give_back(BOTH, "login", "ada")

    assert await admitted(throttle, 5, limits="3/5 minutes; 5/hour") == 2
    assert await admitted(throttle, 5, key="bob") == 3
    # The oldest one has stayed.
    assert await wait_of(throttle) in {100, 99}


async def test_clearing_forgets_every_limit_of_this_key_alone(throttle: Throttle) -> None:
    assert await admitted(throttle, 5, limits="3/5 minutes; 3/hour") == 3
    assert await admitted(throttle, 5, key="bob") == 3

    await throttle.clear(rate_limits("3/5 minutes; 3/hour"), "login", "ada")

    assert await admitted(throttle, 5, limits="3/5 minutes; 3/hour") == 3
    assert await admitted(throttle, 1, key="bob") == 0


async def test_redis_learns_no_address_and_forgets_by_itself(redis: Redis, prefix: str) -> None:
    throttle = Throttle(patient(REDIS_URL), KEYS, prefix=prefix)
    await throttle.reserve(BOTH, "login", "ada@example.com")
    await throttle.reserve(BOTH, "login", "203.0.113.7")
    await throttle.close()

    keys = list(redis.scan_iter(f"{prefix}:*"))
    stored = [*keys, *(value for key in keys for value in redis.lrange(key, 0, -1))]

    assert len(keys) == 4
    assert not [text for text in stored for word in ("ada@", "example", "203.0", "login") if word in text]
    assert all(redis.ttl(key) > 0 for key in keys)


async def test_another_secret_stores_other_keys(redis: Redis, prefix: str) -> None:
    for secret in (SECRET, SECRET[::-1]):
        throttle = Throttle(patient(REDIS_URL), KeyRing((secret,)), prefix=prefix)
        assert await admitted(throttle, 5) == 3
        await throttle.close()

    assert len(list(redis.scan_iter(f"{prefix}:*"))) == 2


def test_memory_works_from_one_event_loop_to_the_next_and_leaves_nothing_running() -> None:
    throttle = Throttle("memory://", KEYS)

    async def visit() -> int:
        count = await admitted(throttle, 20, limits="3/5 minutes; 5/hour")
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return count

    assert [asyncio.run(visit()) for _ in range(3)] == [3, 0, 0]
    asyncio.run(throttle.close())


async def test_memory_forgets_keys_that_nobody_asks_for_again(wall_clock: WallClock) -> None:
    throttle = Throttle("memory://", KEYS)
    for number in range(1500):
        await throttle.reserve(THREE, "login", f"{number}")

    wall_clock.ahead = 301
    for number in range(1500):
        await throttle.reserve(THREE, "login", f"later-{number}")

    assert len(throttle._here) <= 2000
    assert await admitted(throttle, 5, key="later-7") == 2


async def test_names_that_are_tried_without_end_push_out_each_other_and_not_what_was_tried_often() -> None:
    memory = Memory(most_keys=3000, kept_keys=2000)
    limits = rate_limits("5/5 minutes; 20/hour; 100/30 days")
    for _ in range(2):
        await memory.take(limits, b"the owner's")

    for number in range(20_000):
        assert await memory.take(limits, b"%d" % number)
        assert len(memory) <= 3000

    assert [await memory.take(limits, b"the owner's") for _ in range(4)] == [True] * 3 + [False]
    assert [await memory.take(limits, b"19999") for _ in range(5)] == [True] * 4 + [False], "the latest are kept"


async def test_a_name_that_was_tried_once_takes_little_memory() -> None:
    throttle = Throttle("memory://", KEYS)
    limits = rate_limits("5/5 minutes; 20/hour; 100/30 days")
    tracemalloc.start()
    try:
        for number in range(5000):
            await throttle.reserve(limits, "login", f"{number}@example.com")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken / 5000 < 400, "bytes"


@pytest.mark.parametrize("text", ["5 tries", "five/minute", "5/fortnight", "", "5/minute and more"])
def test_limits_that_cannot_be_read_are_refused_without_their_text(text: str) -> None:
    with pytest.raises(ValueError, match="must read like") as refused:
        rate_limits(text)

    assert not text or text not in str(refused.value)
