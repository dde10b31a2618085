"""Limits are reserved before the work: a burst gets no more tries than one after another would."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from tests.conftest import sign_up
from tests.races.service import Call, Race, outcomes
from tests.shared.tries import REDIS_URL

PARALLEL = 50
TRIES = 5


def wrong_logins(email: str) -> Sequence[Call]:
    return [
        Call("POST", "/api/auth/login", {"email": email, "password": f"wrong {number} wrong"})
        for number in range(PARALLEL)
    ]


async def test_item_17_of_fifty_wrong_logins_at_once_five_are_tried(
    strict_race: Race, rounds: range, backend: str
) -> None:
    if backend != "sqlite" and not REDIS_URL:
        pytest.skip("several processes count together in Redis; TEST_REDIS_URL is not set")
    for _ in rounds:
        user = await sign_up(strict_race.client)
        unknown = f"nobody-{uuid4().hex}@example.com"
        for email in (user.email, unknown):
            answers = await strict_race.at_once(wrong_logins(email))

            assert outcomes(answers) == {"401 invalid_credentials": TRIES, "429 too_many_requests": PARALLEL - TRIES}
        # Nor does the right password get through now: it would tell that it is right.
        right = Call("POST", "/api/auth/login", {"email": user.email, "password": user.password})
        assert outcomes(await strict_race.at_once([right])) == {"429 too_many_requests": 1}
