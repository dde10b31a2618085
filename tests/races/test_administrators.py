"""Roles: an active administrator always stays, and nobody holds a role who is gone."""

from collections.abc import Callable
from itertools import product
from random import Random
from uuid import UUID

from sqlalchemy import select

from modules.auth.models import ADMIN, UserRole
from modules.users import User
from shared.testing.envelope import assert_failure
from tests.auth.roles import sign_up_equal, sign_up_with
from tests.conftest import Account, log_in, sign_up
from tests.races.service import Call, Race, outcomes

# What whoever wanted something impossible is told: it was too late, or the right to it was lost meanwhile.
POLITE = {"200 ok", "401 not_authenticated", "403 permission_denied", "404 user_not_found", "409 last_admin"}

Way = Callable[[Account, Account], Call]


def set_roles(by: Account, whom: Account, *roles: str) -> Call:
    return Call("PUT", f"/api/auth/users/{whom.id}/roles", {"roles": roles}, by)


def promote(by: Account, whom: Account) -> Call:
    return set_roles(by, whom, "admin", "user")


def demote(by: Account, whom: Account) -> Call:
    return set_roles(by, whom, "user")


def deactivate(by: Account, whom: Account) -> Call:
    return Call("POST", f"/api/users/{whom.id}/deactivate", by=by)


def activate(by: Account, whom: Account) -> Call:
    return Call("POST", f"/api/users/{whom.id}/activate", by=by)


def delete(by: Account, whom: Account) -> Call:
    return Call("DELETE", f"/api/users/{whom.id}", by=by)


WAYS: list[Way] = [demote, deactivate, delete]
PAIRS = list(product(WAYS, WAYS))


async def active_administrators(race: Race) -> set[str]:
    holders = select(UserRole.user_id).join(User, User.id == UserRole.user_id)
    return set(map(str, await race.all(holders.where(UserRole.role_name == ADMIN, User.is_active.is_(True)))))


async def sign_up_admin(race: Race, by: Account) -> Account:
    account = await sign_up(race.client)
    assert outcomes(await race.at_once([promote(by, account)])) == {"200 ok": 1}
    return account


async def test_item_55_of_two_administrators_who_remove_each_other_one_stays(
    race: Race, administrator: Account, rounds: range
) -> None:
    one, other = administrator, await sign_up_admin(race, administrator)
    for number in rounds:
        # Through all pairs of ways, the equal ones first.
        way, back = PAIRS[number * 4 % len(PAIRS)]

        answers = await race.at_once([way(one, other), back(other, one)] * 10)

        assert outcomes(answers).keys() <= POLITE
        (stayed,) = await active_administrators(race)
        one = one if one.id == stayed else other
        other = await sign_up_admin(race, one)


async def test_item_55_of_a_circle_of_administrators_one_stays_whatever_they_do(
    race: Race, administrator: Account, rounds: range
) -> None:
    ways = [*WAYS, demote, deactivate, delete, promote, activate]
    for number in rounds:
        circle = [administrator, *[await sign_up_admin(race, administrator) for _ in range(4)]]
        # Each does everything to each, themselves included.
        calls = [way(by, whom) for way in ways for by, whom in product(circle, circle)]
        calls = Random(number).sample(calls, 50)  # noqa: S311 - the same mixture in every run

        answers = await race.at_once(calls)

        assert outcomes(answers).keys() <= POLITE
        stayed = await active_administrators(race)
        assert stayed
        administrator = next(one for one in circle if one.id in stayed)
        administrator.tokens = await log_in(race.client, administrator.email, administrator.password)
        for one in circle:
            if one is not administrator:
                await race.at_once([delete(administrator, one)])


async def test_item_55_whoever_steps_down_leaves_a_successor_who_is_there(
    race: Race, administrator: Account, rounds: range
) -> None:
    keeper = await sign_up_equal(race.client, administrator)
    for number in rounds:
        successor = await sign_up(race.client)
        removal = [deactivate, delete][number % 2](keeper, successor)
        calls = [promote(administrator, successor), removal, demote(administrator, administrator)] * 7

        answers = await race.at_once(calls)

        assert outcomes(answers).keys() <= POLITE
        (stayed,) = await active_administrators(race)
        administrator = administrator if administrator.id == stayed else successor


async def test_item_55_nobody_removes_somebody_who_was_just_put_out_of_their_reach(
    race: Race, administrator: Account, rounds: range
) -> None:
    manager = await sign_up_with(race.client, administrator, "users:user.write")
    for _ in rounds:
        user = await sign_up(race.client)

        answers = await race.at_once([promote(administrator, user), delete(manager, user)] * 10)

        promoted, deleted = outcomes(answers[::2]), outcomes(answers[1::2])
        # Whatever came first decides for all.
        assert (promoted, deleted) in (
            ({"200 ok": 10}, {"403 cannot_grant": 10}),
            ({"404 user_not_found": 10}, {"200 ok": 1, "404 user_not_found": 9}),
        )
        await race.at_once([delete(administrator, user)])


async def test_a_role_that_is_given_to_somebody_who_goes_lets_nobody_in(
    race: Race, administrator: Account, rounds: range
) -> None:
    for number in rounds:
        removal = [deactivate, delete][number % 2]
        user = await sign_up(race.client)

        answers = await race.at_once([promote(administrator, user), removal(administrator, user)] * 10)

        assert outcomes(answers).keys() <= {"200 ok", "404 user_not_found"}
        assert await active_administrators(race) == {administrator.id}
        assert_failure(await race.client.get("/api/users", headers=user.headers), 401, "not_authenticated")
        if removal is delete:
            assert not await race.all(select(UserRole.role_name).filter_by(user_id=UUID(user.id)))
