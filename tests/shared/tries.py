"""Trying, and counting what gets through."""

import asyncio
import os

from shared.errors import TooManyRequests
from shared.keys import KeyRing
from shared.testing.applications import SECRET
from shared.throttle import Throttle, rate_limits

REDIS_URL = os.environ.get("TEST_REDIS_URL", "")
KEYS = KeyRing((SECRET,))
THREE = rate_limits("3/5 minutes")


def patient(url: str) -> str:
    """With more time: a busy test machine is no reason to do without Redis."""
    return f"{url}?socket_timeout=10&socket_connect_timeout=10"


async def admitted(throttle: Throttle, tries: int, *, limits: str = "3/5 minutes", key: str = "ada") -> int:
    """How many of so many tries at once get through."""
    outcomes = await asyncio.gather(
        *(throttle.reserve(rate_limits(limits), "login", key) for _ in range(tries)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, TooManyRequests)]
    assert len(refused) + outcomes.count(None) == tries, outcomes
    return outcomes.count(None)


async def wait_of(throttle: Throttle, limits: str = "3/5 minutes", key: str = "ada") -> int:
    """The seconds that a try is told to wait; 0 when there is one left, which is given back."""
    try:
        await throttle.reserve(rate_limits(limits), "login", key)
    except TooManyRequests as refused:
        return int(refused.headers["Retry-After"])
    await throttle.give_back(rate_limits(limits), "login", key)
    return 0
