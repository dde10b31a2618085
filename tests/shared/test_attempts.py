"""A try is given back when it ends in what need not be counted, in memory and in Redis."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy.exc import OperationalError

from modules.auth.errors import WrongPassword
from shared.errors import NotFound, TooManyRequests, Unavailable
from shared.throttle import Count, Throttle, ended_in, rate_limits, succeeded


def the_database_is_away() -> OperationalError:
    return OperationalError("SELECT 1", {}, Exception("the connection was lost"))


@pytest.mark.parametrize(
    ("ending", "standing"),
    [
        (None, {"answered", "succeeded"}),
        (WrongPassword(), {"answered", "failed"}),
        (NotFound(), {"answered"}),
        (TooManyRequests(), {"answered"}),
        (Unavailable(), set()),
        (the_database_is_away(), set()),
        (RuntimeError("a fault of ours"), set()),
        (asyncio.CancelledError(), set()),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_a_try_ended_in_decides_whether_it_stays_counted(
    throttle: Throttle, ending: BaseException | None, standing: set[str]
) -> None:
    limits = rate_limits("2/5 minutes; 5/hour")
    counts = {
        "answered": Count(limits, "answered", "ada"),
        "succeeded": Count(limits, "succeeded", "ada", stands=succeeded),
        "failed": Count(limits, "failed", "ada", stands=ended_in(WrongPassword)),
    }

    with suppress(BaseException):
        async with throttle.attempt(*counts.values()):
            if ending is not None:
                raise ending

    left = {name: await left_of(throttle, count) for name, count in counts.items()}
    assert left == {name: 1 if name in standing else 2 for name in counts}


async def left_of(throttle: Throttle, count: Count) -> int:
    """How many tries there are still; they are used up."""
    for tries in range(10):
        try:
            await throttle.reserve(count.limits, count.action, count.key)
        except TooManyRequests:
            return tries
    raise AssertionError("no limit")


async def test_of_several_counts_the_longest_wait_is_told_wherever_it_stands(throttle: Throttle) -> None:
    short, long = Count(rate_limits("1/minute"), "short", "ada"), Count(rate_limits("1/hour"), "long", "ada")
    async with throttle.attempt(long):
        async with throttle.attempt(Count(rate_limits("1/5 minutes"), "middle", "ada")) as attempt:
            await attempt.take(short)
            with pytest.raises(TooManyRequests) as refused:
                await attempt.take(short)
        # Of the minute and of what was taken before it.
        assert 290 <= int(refused.value.headers["Retry-After"]) <= 300

    for counts in ((short, long), (long, short)):
        with pytest.raises(TooManyRequests) as refused:
            async with throttle.attempt(*counts):
                pass
        assert 3590 <= int(refused.value.headers["Retry-After"]) <= 3600


async def test_what_refuses_is_counted_by_what_stands_in_front_of_it_alone(throttle: Throttle) -> None:
    three = rate_limits("3/hour")
    client, account = Count(three, "client", "203.0.113.7"), Count(rate_limits("1/hour"), "account", "ada")
    other = Count(three, "other", "ada")
    async with throttle.attempt(account):
        pass

    with pytest.raises(TooManyRequests):
        async with throttle.attempt(client, account, other):
            pass

    assert await left_of(throttle, client) == 2
    assert await left_of(throttle, other) == 3
