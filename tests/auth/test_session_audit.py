"""Logins and the ends of sessions are in the audit trail: in the same transaction, or neither is."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import httpx2 as httpx
from fastapi import FastAPI
from sqlalchemy import select

from modules.auth.models import AuditEvent, LoginSession
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.api.failing import failing_commits
from tests.auth.emails import change_email
from tests.auth.recovery import change
from tests.auth.roles import audited
from tests.auth.test_login import attempt
from tests.auth.test_logout import log_out
from tests.auth.test_refresh import refresh
from tests.conftest import Account, MovableClock, log_in, sign_up

Action = Callable[[], Awaitable[httpx.Response]]


async def last_event(client: httpx.AsyncClient, admin: Account, user: Account) -> dict[str, Any]:
    return (await audited(client, admin, user_id=user.id))[-1]


async def end(client: httpx.AsyncClient, user: Account, session_id: str) -> httpx.Response:
    return await client.delete(f"/api/auth/sessions/{session_id}", headers=user.headers)


def assert_about(event: dict[str, Any], answer: httpx.Response, user: Account, session_id: str | None) -> None:
    assert (event["user_id"], event["session_id"]) == (user.id, session_id)
    assert (event["ip"], event["request_id"]) == ("127.0.0.1", answer.headers["x-request-id"])


async def test_item_80_a_login_is_noted_with_its_session(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    answer = await attempt(client, user.email, user.password)

    event = await last_event(client, admin, user)

    assert (event["event"], event["actor_id"], event["details"]) == ("login_succeeded", None, {})
    assert_about(event, answer, user, data_of(answer)["session_id"])


async def test_item_80_a_failed_login_is_noted_without_what_was_typed(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    known = await attempt(client, user.email, "canary-17-typed")
    await attempt(client, "canary-18@example.com", "canary-17-typed")

    about_user, about_nobody = await audited(client, admin, event="login_failed")

    assert_about(about_user, known, user, None)
    assert about_nobody["user_id"] is None
    assert "canary" not in str([about_user, about_nobody])


async def test_item_80_a_wrong_current_password_is_noted_with_its_session(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    answers = []
    for _ in range(3):
        answers.append(await change(client, user, "canary-17-typed"))
        answers.append(await change_email(client, user, "canary-18@example.com", "canary-17-typed"))
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]

    events = await audited(client, admin, event="password_check_failed")

    for event, answer in zip(events, answers[:5], strict=True):
        assert_about(event, answer, user, user.tokens["session_id"])
        assert (event["actor_id"], event["details"]) == (user.id, {})


async def test_item_80_a_refresh_is_no_event_and_a_reuse_is_one(
    client: httpx.AsyncClient, clock: MovableClock, admin: Account
) -> None:
    user = await sign_up(client)
    before = await audited(client, admin)
    data_of(await refresh(client, user.tokens["refresh_token"]))
    data_of(await refresh(client, user.tokens["refresh_token"]))
    assert await audited(client, admin) == before
    clock.advance(seconds=11)

    answers = [await refresh(client, user.tokens["refresh_token"]) for _ in range(2)]

    # Once: the second time there was no session any more.
    (event,) = await audited(client, admin, event="refresh_token_reused")
    assert_about(event, answers[0], user, user.tokens["session_id"])
    assert event["actor_id"] is None


async def test_item_80_a_logout_is_noted_with_its_scope(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    for scope in ("others", "this"):
        answer = await log_out(client, user.tokens, json={"scope": scope})
        data_of(answer)
        event = await last_event(client, admin, user)
        assert (event["event"], event["actor_id"], event["details"]) == ("logged_out", user.id, {"scope": scope})
        assert_about(event, answer, user, user.tokens["session_id"])


async def test_item_80_the_end_of_a_session_is_noted_with_who_ended_which(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    another = await log_in(client, user.email, user.password)

    answer = await end(client, user, another["session_id"])

    event = await last_event(client, admin, user)
    assert (event["event"], event["actor_id"]) == ("session_ended", user.id)
    assert event["details"] == {"ended": another["session_id"]}
    assert_about(event, answer, user, user.tokens["session_id"])


async def test_what_ended_nothing_is_not_noted(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    before = await audited(client, admin)

    assert_failure(await end(client, user, admin.tokens["session_id"]), 404, "session_not_found")
    assert_failure(await refresh(client, "rt1.x"), 401, "invalid_refresh_token")
    assert_failure(await client.post("/api/auth/logout"), 401, "not_authenticated")

    assert await audited(client, admin) == before


async def test_a_commit_that_fails_leaves_neither_the_event_nor_what_it_is_about(
    app: FastAPI, client: httpx.AsyncClient, clock: MovableClock, admin: Account
) -> None:
    user = await sign_up(client)
    stolen, another = [await log_in(client, user.email, user.password) for _ in range(2)]
    data_of(await refresh(client, stolen["refresh_token"]))
    clock.advance(seconds=11)
    actions: dict[str, Action] = {
        "login_succeeded": lambda: attempt(client, user.email, user.password),
        "login_failed": lambda: attempt(client, user.email, "not the password"),
        "password_check_failed": lambda: change(client, user, "not the password"),
        "refresh_token_reused": lambda: refresh(client, stolen["refresh_token"]),
        "session_ended": lambda: end(client, user, another["session_id"]),
        "logged_out": lambda: log_out(client, user.tokens, json={"scope": "others"}),
        "sessions_revoked": lambda: client.delete(f"/api/auth/users/{user.id}/sessions", headers=admin.headers),
    }

    for event, act in actions.items():
        before = await state(app)
        # Each COMMIT in turn fails, until there is none left that could.
        for after in count():
            with failing_commits(app, after=after) as failed:
                answer = await act()
            if not failed:
                break
            assert_failure(answer, 503, "unavailable")
            assert await state(app) == before, (event, after)
        assert after, event
        events, sessions = await state(app)
        assert events == [*before[0], event]
        assert (sessions == before[1]) is event.endswith("_failed"), event


async def state(app: FastAPI) -> tuple[list[str], list[tuple[UUID, datetime | None]]]:
    """The names of the events, and each session with its end, the oldest first."""
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().read() as session:
        events = await session.scalars(select(AuditEvent.event).order_by(AuditEvent.id))
        sessions = await session.execute(select(LoginSession.id, LoginSession.revoked_at).order_by(LoginSession.id))
        return list(events), [(row.id, row.revoked_at) for row in sessions]
