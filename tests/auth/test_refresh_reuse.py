from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of
from tests.api.failing import failing_commits
from tests.auth.test_refresh import is_logged_in, refresh, stored_session
from tests.conftest import MakeApp, MovableClock, client_of, log_in, sign_up


async def reuse(client: httpx.AsyncClient, clock: MovableClock) -> tuple[dict[str, Any], dict[str, Any]]:
    """Use a refresh token, and again when the grace is over; gives the first and the second tokens."""
    user = await sign_up(client)
    renewed = data_of(await refresh(client, user.tokens["refresh_token"]))
    clock.advance(seconds=11)
    assert await is_logged_in(client, renewed)
    assert_failure(await refresh(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")
    return user.tokens, renewed


async def test_item_36_a_reuse_after_the_grace_ends_the_whole_session(
    client: httpx.AsyncClient, clock: MovableClock
) -> None:
    first, renewed = await reuse(client, clock)

    assert not await is_logged_in(client, first)
    assert not await is_logged_in(client, renewed)
    assert_failure(await refresh(client, renewed["refresh_token"]), 401, "invalid_refresh_token")


async def test_item_37_the_end_of_the_session_survives_the_failure_that_tells_of_it(
    app: FastAPI, client: httpx.AsyncClient, clock: MovableClock, make_app: MakeApp
) -> None:
    _, renewed = await reuse(client, clock)

    async with client_of(make_app()) as elsewhere:
        assert not await is_logged_in(elsewhere, renewed)
        assert_failure(await refresh(elsewhere, renewed["refresh_token"]), 401, "invalid_refresh_token")
    row = await stored_session(app, renewed)
    assert (row.revoke_reason, row.counter) == ("reuse", 1)
    assert row.revoked_at is not None


async def test_item_36_a_reuse_is_logged_without_the_token(
    capsys: pytest.CaptureFixture[str], make_app: MakeApp, clock: MovableClock
) -> None:
    app = make_app()
    async with client_of(app) as client:
        first, renewed = await reuse(client, clock)

    log = capsys.readouterr().err
    assert "refresh_token_reused" in log
    assert first["session_id"] in log
    for token in (first["refresh_token"], renewed["refresh_token"], first["access_token"]):
        assert token.rpartition(".")[2] not in log


async def test_item_35_an_older_token_than_the_last_one_has_no_grace(client: httpx.AsyncClient) -> None:
    user = await sign_up(client)
    second = data_of(await refresh(client, user.tokens["refresh_token"]))
    third = data_of(await refresh(client, second["refresh_token"]))

    assert_failure(await refresh(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")
    assert not await is_logged_in(client, third)


async def test_item_39_without_a_grace_any_reuse_ends_the_session(make_app: MakeApp, clock: MovableClock) -> None:
    app = make_app(auth={"refresh_grace": 0})
    async with client_of(app) as client:
        user = await sign_up(client)
        renewed = data_of(await refresh(client, user.tokens["refresh_token"]))
        # Another machine's clock may be behind, or the request have waited: no time at all has passed.
        clock.advance(seconds=-1)

        assert_failure(await refresh(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")
        assert not await is_logged_in(client, renewed)


async def test_item_36_a_reuse_ends_no_other_session(client: httpx.AsyncClient, clock: MovableClock) -> None:
    user = await sign_up(client)
    other = await log_in(client, user.email, user.password)
    data_of(await refresh(client, user.tokens["refresh_token"]))
    clock.advance(seconds=11)
    assert_failure(await refresh(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")

    assert await is_logged_in(client, other)
    assert data_of(await refresh(client, other["refresh_token"]))


async def test_item_37_a_reuse_whose_commit_fails_is_found_again(
    app: FastAPI, client: httpx.AsyncClient, clock: MovableClock
) -> None:
    user = await sign_up(client)
    renewed = data_of(await refresh(client, user.tokens["refresh_token"]))
    clock.advance(seconds=11)

    # The first one is that of the rotation, which finds nothing to rotate.
    for after in (0, 1):
        with failing_commits(app, after=after) as failed:
            assert_failure(await refresh(client, user.tokens["refresh_token"]), 503, "unavailable")
        assert len(failed) == 1
        assert await is_logged_in(client, renewed)

    assert_failure(await refresh(client, user.tokens["refresh_token"]), 401, "invalid_refresh_token")
    assert not await is_logged_in(client, renewed)
