"""Accounts: one for each address, one password at a time, and nothing left of those that are deleted."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select

from modules.auth.mail.tokens import MailTokens, Purpose
from modules.auth.models import Credential, LoginSession, MailToken, UserRole
from modules.users import User
from shared.clock import utc_now
from shared.testing.envelope import assert_failure, data_of
from tests.conftest import Account, log_in, sign_up
from tests.factories import RegisterRequestFactory
from tests.races.service import Call, Race, outcomes

PARALLEL = 30

BELONGINGS = (Credential, LoginSession, MailToken, UserRole)


def registration(**values: Any) -> dict[str, Any]:
    return RegisterRequestFactory.build().model_dump(mode="json") | values


def password() -> str:
    return RegisterRequestFactory.build().password


async def issue(race: Race, user: Account, purpose: Purpose, email: str | None = None) -> str:
    """What would be mailed."""
    async with race.database.transaction() as session:
        return await MailTokens(clock=utc_now).issue(
            session, UUID(user.id), purpose, email=email or user.email, ttl=600
        )


async def assert_only_password(race: Race, user: Account, password: str, *others: str) -> None:
    assert await log_in(race.client, user.email, password)
    for other in others:
        credentials = {"email": user.email, "password": other}
        assert_failure(await race.client.post("/api/auth/login", json=credentials), 401, "invalid_credentials")


async def auth_version(race: Race, user: Account) -> int:
    version: int = await race.one(select(Credential.auth_version).filter_by(user_id=UUID(user.id)))
    return version


async def test_item_22_of_thirty_registrations_with_one_address_one_succeeds(race: Race, rounds: range) -> None:
    for _ in rounds:
        email = f"ada-{uuid4().hex}@example.com"
        spellings = [email, email.upper(), email.title()]
        calls = [
            Call("POST", "/api/auth/register", registration(email=spellings[number % 3])) for number in range(PARALLEL)
        ]

        answers = await race.at_once(calls)

        assert outcomes(answers) == {"201 ok": 1, "409 email_taken": PARALLEL - 1}
        (user,) = await race.all(select(User.id).where(User.email_key == email))
        assert await race.all(select(Credential.user_id).filter_by(user_id=user)) == [user]
        assert await race.all(select(UserRole.role_name).filter_by(user_id=user)) == ["user"]


async def test_of_many_changes_of_a_password_one_wins(race: Race, rounds: range) -> None:
    for _ in rounds:
        user = await sign_up(race.client)
        elsewhere = Account(**vars(user) | {"tokens": await log_in(race.client, user.email, user.password)})
        wanted = [password() for _ in range(PARALLEL)]
        calls = [
            Call(
                "POST",
                "/api/auth/password/change",
                {"current_password": user.password, "new_password": new},
                [user, elsewhere][number % 2],
            )
            for number, new in enumerate(wanted)
        ]

        answers = await race.at_once(calls)

        assert outcomes(answers).pop("200 ok") == 1
        # From the winner's session it was the wrong password; the other session is over.
        assert outcomes(answers).keys() <= {"200 ok", "403 invalid_credentials", "401 not_authenticated"}
        (winner,) = [new for new, answer in zip(wanted, answers, strict=True) if answer.status_code == 200]
        losers = [new for new in wanted if new != winner]
        await assert_only_password(race, user, winner, user.password, losers[0], losers[-1])
        assert await auth_version(race, user) == 2


async def test_item_19_of_many_uses_of_two_reset_links_one_wins(race: Race, rounds: range) -> None:
    for _ in rounds:
        user = await sign_up(race.client)
        tokens = [await issue(race, user, "reset") for _ in range(2)]
        wanted = [password() for _ in range(PARALLEL)]
        calls = [
            Call("POST", "/api/auth/password/reset", {"token": tokens[number % 2], "new_password": new})
            for number, new in enumerate(wanted)
        ]

        answers = await race.at_once(calls)

        assert outcomes(answers) == {"200 ok": 1, "400 invalid_token": PARALLEL - 1}
        (winner,) = [new for new, answer in zip(wanted, answers, strict=True) if answer.status_code == 200]
        losers = [new for new in wanted if new != winner]
        await assert_only_password(race, user, winner, user.password, losers[0], losers[-1])
        assert not await race.all(select(MailToken.id).filter_by(user_id=UUID(user.id), purpose="reset"))
        assert await auth_version(race, user) == 2


async def test_item_19_no_invitation_is_good_after_a_deactivation_that_it_raced_with(
    race: Race, administrator: Account, rounds: range
) -> None:
    for _ in rounds:
        email = f"ada-{uuid4().hex}@example.com"
        (made,) = await race.at_once([Call("POST", "/api/users", {"email": email}, administrator)])
        invited = Account(data_of(made, 201)["id"], email, password(), {})
        tokens = [await issue(race, invited, purpose) for purpose in ("invitation", "reset")]
        acceptances = [
            Call("POST", "/api/auth/password/reset", {"token": token, "new_password": invited.password})
            for token in tokens
        ]
        deactivation, activation = (
            Call("POST", f"/api/users/{invited.id}/{change}", by=administrator) for change in ("deactivate", "activate")
        )

        answers = await race.at_once([*acceptances, deactivation, *acceptances, activation, *acceptances] * 3)

        assert outcomes(answers).keys() <= {"200 ok", "400 invalid_token"}
        await race.at_once([deactivation, deactivation])
        await race.at_once([activation])
        assert outcomes(await race.at_once(acceptances)) == {"400 invalid_token": 2}
        accepted = [answer for answer in answers if answer.request.url.path.endswith("reset") and answer.is_success]
        assert len(await race.all(select(Credential.user_id).filter_by(user_id=UUID(invited.id)))) == len(accepted) <= 1


async def test_of_changes_and_resets_of_a_password_at_once_one_wins(race: Race, rounds: range) -> None:
    for _ in rounds:
        user = await sign_up(race.client)
        token = await issue(race, user, "reset")
        wanted = [password() for _ in range(PARALLEL)]
        calls = [
            call
            for one, other in zip(wanted[::2], wanted[1::2], strict=True)
            for call in (
                Call("POST", "/api/auth/password/reset", {"token": token, "new_password": one}),
                Call(
                    "POST",
                    "/api/auth/password/change",
                    {"current_password": user.password, "new_password": other},
                    user,
                ),
            )
        ]

        answers = await race.at_once(calls)

        assert outcomes(answers)["200 ok"] == 1
        (winner,) = [new for new, answer in zip(wanted, answers, strict=True) if answer.status_code == 200]
        await assert_only_password(race, user, winner, user.password)
        assert await auth_version(race, user) == 2


async def test_of_many_who_want_one_address_one_gets_it(race: Race, rounds: range) -> None:
    for _ in rounds:
        email = f"ada-{uuid4().hex}@example.com"
        users = [await sign_up(race.client) for _ in range(8)]
        tokens = [await issue(race, user, "email_change", email) for user in users]
        confirmations = [
            Call("POST", "/api/auth/email/change/confirm", {"token": token}, user)
            for user, token in zip(users, tokens, strict=True)
        ]
        registrations = [Call("POST", "/api/auth/register", registration(email=email)) for _ in range(4)]

        answers = await race.at_once([*confirmations, *registrations, *confirmations])

        succeeded = [answer for answer in answers if answer.is_success]
        assert len(succeeded) == 1
        # The winner's link is used up; the others' links are not, for they gave them nothing.
        assert outcomes(answers).keys() <= {"200 ok", "201 ok", "409 email_taken", "400 invalid_token"}
        assert outcomes(answers).get("400 invalid_token", 0) <= 1
        assert len(await race.all(select(User.id).where(User.email_key == email))) == 1


async def test_an_account_that_is_deleted_leaves_nothing_whatever_else_happens(
    race: Race, administrator: Account, rounds: range
) -> None:
    for turn in rounds:
        user = await sign_up(race.client)
        token = await issue(race, user, "reset")
        change_token = await issue(race, user, "email_change", f"ada-{uuid4().hex}@example.com")
        meanwhile = [
            Call("PATCH", f"/api/users/{user.id}", {"nickname": "Ada"}, administrator),
            Call("PATCH", "/api/users/me", {"nickname": "Ada"}, user),
            Call("PATCH", f"/api/users/{user.id}", {"email": f"ada-{uuid4().hex}@example.com"}, administrator),
            Call("POST", f"/api/auth/users/{user.id}/invitation", None, administrator),
            Call("POST", "/api/auth/email/disown", {"token": await issue(race, user, "verification")}),
            Call("POST", f"/api/users/{user.id}/activate", None, administrator),
            Call("POST", f"/api/users/{user.id}/deactivate", None, administrator),
            Call("PUT", f"/api/auth/users/{user.id}/roles", {"roles": ["admin", "user"]}, administrator),
            Call("DELETE", f"/api/auth/users/{user.id}/sessions", None, administrator),
            Call("POST", "/api/auth/login", {"email": user.email, "password": user.password}),
            Call("POST", "/api/auth/refresh", {"refresh_token": user.tokens["refresh_token"]}),
            Call("POST", "/api/auth/logout", {"scope": "all"}, user),
            Call("POST", "/api/auth/email/verify/request", None, user),
            Call(
                "POST",
                "/api/auth/email/change",
                {"current_password": user.password, "new_email": f"ada-{uuid4().hex}@example.com"},
                user,
            ),
            Call("POST", "/api/auth/email/change/confirm", {"token": change_token}, user),
            Call(
                "POST",
                "/api/auth/password/change",
                {"current_password": user.password, "new_password": password()},
                user,
            ),
            Call("POST", "/api/auth/password/reset", {"token": token, "new_password": password()}),
        ]
        deletion = Call("DELETE", f"/api/users/{user.id}", None, administrator)
        calls = meanwhile * 2
        calls[turn % len(calls) : turn % len(calls)] = [deletion, deletion]

        answers = await race.at_once(calls)

        deletions = [answer for call, answer in zip(calls, answers, strict=True) if call is deletion]
        assert outcomes(deletions) == {"200 ok": 1, "404 user_not_found": 1}
        left = [select(func.count()).where(model.user_id == UUID(user.id)) for model in BELONGINGS]
        left.append(select(func.count()).where(User.id == UUID(user.id)))
        assert [await race.one(query) for query in left] == [0] * len(left)
