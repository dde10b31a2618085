import httpx2 as httpx

from shared.testing.envelope import assert_failure, data_of
from tests.auth.test_refresh import is_logged_in, refresh
from tests.conftest import MakeApp, MovableClock, client_of, sign_up

DAY = 86_400


async def test_item_42_a_session_that_rests_too_long_is_over(client: httpx.AsyncClient, clock: MovableClock) -> None:
    user = await sign_up(client)

    clock.advance(days=7, seconds=1)

    assert_failure(await refresh(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")


async def test_item_42_each_refresh_begins_the_rest_anew(client: httpx.AsyncClient, clock: MovableClock) -> None:
    tokens = (await sign_up(client)).tokens
    for _ in range(3):
        clock.advance(days=6)
        tokens = data_of(await refresh(client, tokens["refresh_token"]))
        assert tokens["refresh_expires_in"] == 7 * DAY


async def test_item_42_no_refresh_reaches_beyond_the_absolute_end(
    client: httpx.AsyncClient, clock: MovableClock
) -> None:
    tokens = (await sign_up(client)).tokens
    left = []
    for _ in range(4):
        clock.advance(days=6.5)
        tokens = data_of(await refresh(client, tokens["refresh_token"]))
        left.append(tokens["refresh_expires_in"])
    assert left[:3] == [7 * DAY] * 3
    assert 0 < left[3] <= 4 * DAY

    clock.advance(days=4)

    assert_failure(await refresh(client, tokens["refresh_token"]), 401, "invalid_refresh_token")


async def test_item_42_an_expired_session_cannot_be_revived_within_the_grace(
    make_app: MakeApp, clock: MovableClock
) -> None:
    app = make_app(auth={"session_idle_ttl": 300, "session_absolute_ttl": 300, "refresh_grace": 60})
    async with client_of(app) as client:
        user = await sign_up(client)
        clock.advance(seconds=290)
        data_of(await refresh(client, user.tokens["refresh_token"]))
        clock.advance(seconds=20)

        assert_failure(await refresh(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")


async def test_item_42_the_access_token_dies_with_its_session(make_app: MakeApp, clock: MovableClock) -> None:
    app = make_app(auth={"session_idle_ttl": 300, "session_absolute_ttl": 300, "access_token_ttl": 3600})
    async with client_of(app) as client:
        user = await sign_up(client)
        assert await is_logged_in(client, user.tokens)

        clock.advance(seconds=301)

        assert not await is_logged_in(client, user.tokens)
