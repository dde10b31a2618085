"""Limits on how often something may be tried, counted in this process or, for several of them, in Redis."""

from typing import Annotated, Any

from limits import RateLimitItem, parse_many
from pydantic import BeforeValidator
from pydantic_settings import NoDecode

NO_LIMIT = "none"


def rate_limits(text: str) -> tuple[RateLimitItem, ...]:
    """Read `5/5 minutes; 20/hour`; `none` is no limit at all.

    Raises:
        ValueError: The text cannot be read.
    """
    return () if text.strip().lower() == NO_LIMIT else tuple(parse_many(text))


def _from_text(value: Any) -> Any:
    return rate_limits(value) if isinstance(value, str) else value


RateLimits = Annotated[tuple[RateLimitItem, ...], NoDecode, BeforeValidator(_from_text)]
"""Several limits in one setting, all of which must hold."""


class Throttle:
    """Counts tries by an action and a key. Keys are stored as MACs: whoever reads Redis learns no address."""

    async def reserve(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Take one try, before the work begins: of any number of requests at once only as many as allowed get through.

        Raises:
            TooManyRequests: With the seconds to wait. A refused try does not make the wait longer.
        """
        raise NotImplementedError

    async def check(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Raise TooManyRequests if there is no try left, without taking one."""
        raise NotImplementedError

    async def record(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Take one try, whether there is one left or not."""
        raise NotImplementedError

    async def clear(self, limits: tuple[RateLimitItem, ...], action: str, key: str) -> None:
        """Forget the tries so far."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
