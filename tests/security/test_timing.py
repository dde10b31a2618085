"""How long a failed login takes tells nobody whether there is such an account."""

import asyncio
import math
import random
import statistics
import time

import bcrypt
import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of
from tests.auth.test_login import attempt, deactivate
from tests.auth.test_stored_hashes import store_hash
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, sign_up
from tests.factories import RegisterRequestFactory
from tests.security.hashing import hashes  # noqa: F401 - a fixture

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

PASSWORD = "seven purple tractors sing"
COST = 8
SAMPLES = 100
SAME_MEDIAN = 0.10
SAME_TIMES = 0.01


async def invite(client: httpx.AsyncClient, admin: Account) -> str:
    """An account without a password; gives its address."""
    new = {"email": RegisterRequestFactory.build().email}
    return str(data_of(await client.post("/api/users", json=new, headers=admin.headers), 201)["email"])


@pytest.fixture
async def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED | {"bcrypt_cost": COST})


@ON_SQLITE
async def test_item_14_every_failed_login_computes_one_hash_of_the_current_cost(
    app: FastAPI,
    client: httpx.AsyncClient,
    user: Account,
    admin: Account,
    hashes: list[int],  # noqa: F811 - the fixture
) -> None:
    gone, malformed = await sign_up(client), await sign_up(client)
    await deactivate(client, admin, gone)
    await store_hash(app, malformed, "x")
    failures = {
        "wrong password": (user.email, PASSWORD),
        "unknown": ("nobody@example.com", PASSWORD),
        "deactivated": (gone.email, gone.password),
        "without a password": (await invite(client, admin), PASSWORD),
        "malformed hash": (malformed.email, malformed.password),
        "no address": ("Foo <a@x.io>", PASSWORD),
        "long password": (user.email, "x" * 1024),
        "long password, unknown": ("nobody@example.com", "x" * 1024),
    }
    for name, (email, password) in failures.items():
        hashes.clear()
        assert_failure(await attempt(client, email, password), 401, "invalid_credentials")
        assert hashes == [COST], name


@ON_SQLITE
async def test_item_14_a_hash_from_before_the_cost_was_raised_is_as_much_work(
    app: FastAPI,
    client: httpx.AsyncClient,
    user: Account,
    hashes: list[int],  # noqa: F811 - the fixture
) -> None:
    for cost in (4, 6, 7):
        await store_hash(app, user, bcrypt.hashpw(b"an imported password", bcrypt.gensalt(cost)).decode())
        hashes.clear()
        assert_failure(await attempt(client, user.email, PASSWORD), 401, "invalid_credentials")
        assert sum(2**one for one in hashes) == 2**COST, hashes


@pytest.mark.slow
@ON_SQLITE
async def test_item_14_failed_logins_take_the_same_time(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    # In this process: a socket in between would only add noise, which hides a difference.
    gone = await sign_up(client)
    await deactivate(client, admin, gone)
    emails = {
        "wrong password": user.email,
        "unknown": "nobody@example.com",
        "deactivated": gone.email,
        "without a password": await invite(client, admin),
    }
    samples: dict[str, list[float]] = {name: [] for name in emails}
    for _ in range(SAMPLES):
        # In turn, each time in another order: whatever else happens on this machine happens to all of them.
        for name in random.sample(list(emails), len(emails)):
            begin = time.perf_counter()
            answer = await attempt(client, emails[name], PASSWORD)
            samples[name].append(time.perf_counter() - begin)
            assert answer.status_code == 401

    reference = samples.pop("wrong password")
    for name, times in samples.items():
        ratio = statistics.median(times) / statistics.median(reference)
        chance = chance_of_difference(times, reference)
        assert abs(ratio - 1) <= SAME_MEDIAN or chance > SAME_TIMES, f"{name}: {ratio:.3f} times, {chance}"


def test_two_sets_of_samples_are_told_apart() -> None:
    some = [float(number) for number in range(100)]

    assert chance_of_difference(some, [one + 0.5 for one in some]) > 0.5
    assert chance_of_difference(some, [one + 30 for one in some]) < 0.0001


@pytest.mark.slow
@ON_SQLITE
async def test_item_10_fifty_logins_at_once_leave_the_others_quick(make_app: MakeApp) -> None:
    async with client_of(make_app(auth=UNLIMITED | {"bcrypt_cost": 10})) as client:
        logins = [asyncio.ensure_future(attempt(client, f"{number}@x.io", PASSWORD)) for number in range(50)]
        times = []
        for _ in range(300):
            begin = time.perf_counter()
            data_of(await client.get("/api/health"))
            times.append(time.perf_counter() - begin)
        assert not all(login.done() for login in logins)
        assert {answer.status_code for answer in await asyncio.gather(*logins)} == {401}

    assert sorted(times)[int(len(times) * 0.99)] < 0.1


def chance_of_difference(some: list[float], others: list[float]) -> float:
    """How likely such a difference is when there is none: Mann and Whitney's rank sum, as a normal distribution."""
    ranked = sorted([*((one, True) for one in some), *((one, False) for one in others)])
    rank_sum = sum(rank for rank, (_, is_some) in enumerate(ranked, start=1) if is_some)
    n, m = len(some), len(others)
    mean, deviation = n * (n + m + 1) / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(rank_sum - mean) / deviation / math.sqrt(2))
