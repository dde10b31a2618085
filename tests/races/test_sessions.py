"""Sessions: one successor for each refresh token, never more than the cap, and an end that is one."""

from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import select

from modules.auth.models import LoginSession
from shared.testing.envelope import data_of
from tests.conftest import Account, sign_up
from tests.races.service import SESSION_CAP, Call, Race, outcomes

PARALLEL = 30
LOGINS = 60


def refresh(tokens: dict[str, Any]) -> Call:
    return Call("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})


def login(user: Account) -> Call:
    return Call("POST", "/api/auth/login", {"email": user.email, "password": user.password})


def me(tokens: dict[str, Any]) -> Call:
    return Call("GET", "/api/users/me", by=Account("", "", "", tokens))


async def stored(race: Race, tokens: dict[str, Any]) -> LoginSession:
    session: LoginSession = await race.one(select(LoginSession).filter_by(id=UUID(tokens["session_id"])))
    return session


async def live_sessions(race: Race, user: Account) -> list[UUID]:
    return await race.all(select(LoginSession.id).filter_by(user_id=UUID(user.id), revoked_at=None))


async def test_item_38_thirty_refreshes_in_several_processes_all_get_the_same_successor(
    race: Race, rounds: range
) -> None:
    user = await sign_up(race.client)
    tokens = user.tokens
    for number in rounds:
        answers = await race.at_once([refresh(tokens)] * PARALLEL)

        assert outcomes(answers) == {"200 ok": PARALLEL}
        renewed = [data_of(answer) for answer in answers]
        assert len({one["refresh_token"] for one in renewed} | {tokens["refresh_token"]}) == 2
        assert (await stored(race, tokens)).counter == number + 1
        assert outcomes(await race.at_once([me(one) for one in renewed])) == {"200 ok": PARALLEL}
        # The session goes on with any of the answers.
        tokens = renewed[-1]


async def test_item_39_without_a_grace_one_of_thirty_refreshes_in_several_processes_succeeds(
    strict_race: Race, rounds: range
) -> None:
    for _ in rounds:
        user = await sign_up(strict_race.client)

        answers = await strict_race.at_once([refresh(user.tokens)] * PARALLEL)

        assert outcomes(answers) == {"200 ok": 1, "401 invalid_refresh_token": PARALLEL - 1}
        session = await stored(strict_race, user.tokens)
        assert (session.counter, session.revoke_reason) == (1, "reuse")
        # The others were a reuse, and that ends the session for the winner, too.
        (renewed,) = [data_of(answer) for answer in answers if answer.status_code == 200]
        assert outcomes(await strict_race.at_once([me(renewed), refresh(renewed)])) == {
            "401 not_authenticated": 1,
            "401 invalid_refresh_token": 1,
        }


async def test_item_47_sixty_logins_at_once_leave_no_more_sessions_than_the_cap(race: Race, rounds: range) -> None:
    for _ in rounds:
        user = await sign_up(race.client)

        answers = await race.at_once([login(user)] * LOGINS)

        assert outcomes(answers) == {"200 ok": LOGINS}
        assert len(await live_sessions(race, user)) == SESSION_CAP


async def test_a_logout_everywhere_ends_what_refreshes_meanwhile(race: Race, rounds: range) -> None:
    for _ in rounds:
        user = await sign_up(race.client)
        sessions = [user.tokens, *map(data_of, await race.at_once([login(user)] * 5))]
        everywhere = Call("POST", "/api/auth/logout", {"scope": "all"}, user)
        refreshes = [refresh(one) for one in sessions] * 2

        answers = await race.at_once([*refreshes, everywhere, *refreshes])

        assert outcomes(answers).keys() <= {"200 ok", "401 invalid_refresh_token"}
        assert await live_sessions(race, user) == []
        renewed = [answer.json()["data"] for answer in answers if answer.status_code == 200 and answer.json()["data"]]
        tries = [refresh(one) for one in (*sessions, *renewed)]
        assert outcomes(await race.at_once(tries)) == {"401 invalid_refresh_token": len(tries)}


async def test_whatever_ends_sessions_at_once_ends_them(race: Race, administrator: Account, rounds: range) -> None:
    for _ in rounds:
        user = await sign_up(race.client)
        # As many as there may be: each login among the calls ends one of them.
        sessions = [user.tokens, *map(data_of, await race.at_once([login(user)] * (SESSION_CAP - 1)))]
        owners = [Account(user.id, user.email, user.password, one) for one in sessions]
        calls = [
            call
            for owner, neighbour in pairwise(owners)
            for call in (
                Call("POST", "/api/auth/logout", {"scope": "others"}, owner),
                Call("DELETE", f"/api/auth/sessions/{neighbour.tokens['session_id']}", None, owner),
                Call("POST", "/api/auth/logout", None, neighbour),
                refresh(owner.tokens),
                login(user),
            )
        ]
        calls.insert(len(calls) // 2, Call("DELETE", f"/api/auth/users/{user.id}/sessions", None, administrator))

        answers = await race.at_once(calls)

        assert outcomes(answers).keys() <= {
            "200 ok",
            "401 not_authenticated",
            "401 invalid_refresh_token",
            "404 session_not_found",
        }
        revoked = Call("DELETE", f"/api/auth/users/{user.id}/sessions", None, administrator)
        assert outcomes(await race.at_once([revoked, revoked])) == {"200 ok": 2}
        assert await live_sessions(race, user) == []
