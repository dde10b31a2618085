"""A user sees and ends the own sessions, and nobody else's."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.auth.recovery import change
from tests.auth.test_logout import is_over, log_out
from tests.auth.test_refresh import is_logged_in, refresh
from tests.conftest import Account, MovableClock, log_in, sign_up

SESSIONS = "/api/auth/sessions"


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def listed(client: httpx.AsyncClient, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = data_of(await client.get(SESSIONS, headers=bearer(tokens)))
    return sessions


async def listed_ids(client: httpx.AsyncClient, tokens: dict[str, Any]) -> list[str]:
    return [session["id"] for session in await listed(client, tokens)]


async def end(client: httpx.AsyncClient, tokens: dict[str, Any], session_id: str) -> httpx.Response:
    return await client.delete(f"{SESSIONS}/{session_id}", headers=bearer(tokens))


async def test_item_45_a_user_sees_the_own_sessions(app: FastAPI, client: httpx.AsyncClient, admin: Account) -> None:
    user = await sign_up(client)
    transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 4711))
    phone = {"user-agent": "A phone/1.0"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=phone) as elsewhere:
        another = await log_in(elsewhere, user.email, user.password)

    newest, oldest = await listed(client, user.tokens)

    for session in (newest, oldest):
        assert set(session) == {"id", "created_at", "last_seen_at", "ip", "user_agent", "current"}
        assert session["created_at"] == session["last_seen_at"]
        assert session["created_at"].endswith("Z")
        assert datetime.fromisoformat(session["created_at"]) <= datetime.now(UTC)
    assert (newest["id"], newest["current"]) == (another["session_id"], False)
    assert (newest["ip"], newest["user_agent"]) == ("203.0.113.7", "A phone/1.0")
    assert (oldest["id"], oldest["current"]) == (user.tokens["session_id"], True)
    assert oldest["ip"] == "127.0.0.1"
    assert [session["current"] for session in await listed(client, another)] == [True, False]
    assert await listed_ids(client, admin.tokens) == [admin.tokens["session_id"]]


async def test_item_45_a_refresh_shows_when_a_session_was_last_seen(
    client: httpx.AsyncClient, clock: MovableClock
) -> None:
    user = await sign_up(client)
    (before,) = await listed(client, user.tokens)
    clock.advance(minutes=10)

    (after,) = await listed(client, data_of(await refresh(client, user.tokens["refresh_token"])))

    assert after == before | {"last_seen_at": after["last_seen_at"]}
    seen, created = (datetime.fromisoformat(after[name]) for name in ("last_seen_at", "created_at"))
    assert 600 <= (seen - created).total_seconds() < 660


async def test_item_45_a_user_ends_one_of_the_own_sessions(client: httpx.AsyncClient, user: Account) -> None:
    another, third = [await log_in(client, user.email, user.password) for _ in range(2)]

    assert data_of(await end(client, user.tokens, another["session_id"])) is None

    assert await is_over(client, another)
    assert await listed_ids(client, user.tokens) == [third["session_id"], user.tokens["session_id"]]
    assert not await is_over(client, user.tokens)
    assert not await is_over(client, third)


async def test_item_45_a_user_ends_the_very_session_that_asks(client: httpx.AsyncClient, user: Account) -> None:
    assert data_of(await end(client, user.tokens, user.tokens["session_id"])) is None

    assert await is_over(client, user.tokens)


async def test_item_45_what_is_no_session_of_ones_own_is_not_found(
    client: httpx.AsyncClient, clock: MovableClock, admin: Account
) -> None:
    user = await sign_up(client)
    expired = await log_in(client, user.email, user.password)
    clock.advance(days=5)
    user.tokens = data_of(await refresh(client, user.tokens["refresh_token"]))
    other = await sign_up(client)
    clock.advance(days=2, minutes=1)
    user.tokens = data_of(await refresh(client, user.tokens["refresh_token"]))
    ended, logged_out = [await log_in(client, user.email, user.password) for _ in range(2)]
    data_of(await end(client, user.tokens, ended["session_id"]))
    data_of(await log_out(client, logged_out))

    ids = [other.tokens["session_id"], expired["session_id"], ended["session_id"], logged_out["session_id"]]
    answers = [await end(client, user.tokens, one) for one in (*ids, str(uuid4()), user.id)]

    failures = [assert_failure(answer, 404, "session_not_found") for answer in answers]
    assert len({(failure["message"], failure["data"]) for failure in failures}) == 1
    assert await listed_ids(client, user.tokens) == [user.tokens["session_id"]]
    assert data_of(await refresh(client, other.tokens["refresh_token"]))


async def test_item_45_no_right_opens_the_sessions_of_another(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    assert_failure(await end(client, admin.tokens, user.tokens["session_id"]), 404, "session_not_found")

    assert not await is_over(client, user.tokens)


async def test_item_45_an_id_is_a_uuid_and_nothing_else(client: httpx.AsyncClient, user: Account) -> None:
    for wrong in ("1", "this", "%00", "9" * 40):
        assert [loc for loc, _ in input_errors(await end(client, user.tokens, wrong))] == [("path", "session_id")]

    assert_failure(await client.get(SESSIONS), 401, "not_authenticated")
    assert_failure(await client.delete(f"{SESSIONS}/{user.tokens['session_id']}"), 401, "not_authenticated")
    assert await is_logged_in(client, user.tokens)


async def test_item_46_only_the_current_password_opens_a_sensitive_change(
    client: httpx.AsyncClient, user: Account
) -> None:
    new_address = {"new_email": "moved@example.com"}

    async def change_email(**body: str) -> httpx.Response:
        return await client.post("/api/auth/email/change", headers=user.headers, json=new_address | body)

    # The session is as fresh as it can be: that is not enough.
    assert_failure(await change(client, user, f"{user.password}x"), 403, "invalid_credentials")
    assert_failure(await change_email(current_password=f"{user.password}x"), 403, "invalid_credentials")
    assert input_errors(await change_email())
    body = {"new_password": "eleven green bicycles hum"}
    assert input_errors(await client.post("/api/auth/password/change", headers=user.headers, json=body))
    for fields in ({"email": "moved@example.com"}, {"password": "x" * 20}, {"email_verified": True}):
        assert input_errors(await client.patch("/api/users/me", headers=user.headers, json=fields))

    user.tokens = await log_in(client, user.email, user.password)
    assert data_of(await change_email(current_password=user.password), 202) is None
    assert data_of(await change(client, user, user.password)) is None
