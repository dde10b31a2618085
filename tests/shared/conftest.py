from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from redis import Redis

from shared.throttle import Throttle
from tests.shared.packages import make_modules
from tests.shared.tries import KEYS, REDIS_URL, patient

__all__ = ["make_modules"]


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}"


@pytest.fixture
def redis(prefix: str) -> Iterator[Redis]:
    """The test server; what the test has written is gone afterwards."""
    if not REDIS_URL:
        pytest.skip("TEST_REDIS_URL is not set")
    with Redis.from_url(REDIS_URL, decode_responses=True) as client:
        yield client
        for key in client.scan_iter(f"{prefix}:*"):
            client.delete(key)


@pytest.fixture(params=["memory", "redis"])
async def throttle(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Throttle]:
    if request.param == "redis":
        request.getfixturevalue("redis")
    made = Throttle("memory://" if request.param == "memory" else patient(REDIS_URL), KEYS, prefix=prefix)
    yield made
    await made.close()
