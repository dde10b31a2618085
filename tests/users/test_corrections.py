"""What an administrator can do about somebody who was invited: see it, correct the address, invite again."""

import asyncio
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of, input_errors
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change, have_confirmed
from tests.auth.recovery import NEW, reset, reset_token
from tests.auth.roles import audited, sign_up_with
from tests.auth.test_invitation import INVITED, invite
from tests.auth.test_logout import is_over
from tests.auth.test_refresh import is_logged_in
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, make_admin, sign_up

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

RIGHT = "right@example.com"


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, public_url="https://app.example.com", auth=UNLIMITED)


async def correct(client: httpx.AsyncClient, by: Account, user_id: str, email: Any, **more: Any) -> httpx.Response:
    return await client.patch(f"/api/users/{user_id}", headers=by.headers, json={"email": email, **more})


async def invite_again(client: httpx.AsyncClient, by: Account, user_id: str) -> httpx.Response:
    return await client.post(f"/api/auth/users/{user_id}/invitation", headers=by.headers)


async def seen(client: httpx.AsyncClient, by: Account, user_id: str) -> dict[str, Any]:
    user: dict[str, Any] = data_of(await client.get(f"/api/users/{user_id}", headers=by.headers))
    return user


async def listed(client: httpx.AsyncClient, by: Account, **params: Any) -> set[str]:
    answer = await client.get("/api/users", headers=by.headers, params={"limit": 100, **params})
    return {user["email"] for user in data_of(answer)["items"]}


async def test_who_is_only_invited_shows_until_a_password_is_chosen(
    client: httpx.AsyncClient, admin: Account, user: Account, mailbox: Mailbox
) -> None:
    invited = await invite(client, admin, locale="zh")
    assert (invited["is_invited"], invited["locale"]) == (True, "zh")
    assert (await seen(client, admin, user.id))["is_invited"] is False
    assert await listed(client, admin, is_invited=True) == {INVITED}
    assert await listed(client, admin, is_invited=False) == {admin.email, user.email}
    assert await listed(client, admin, is_invited=True, is_active=False) == set()
    assert await listed(client, admin, is_invited=True, q="invi") == {INVITED}

    data_of(await reset(client, link_token(await mailbox.next_mail(to=INVITED))))

    assert (await seen(client, admin, invited["id"]))["is_invited"] is False
    assert await listed(client, admin, is_invited=True) == set()


async def test_a_forgotten_password_is_a_first_one_too(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    invited = await invite(client, admin)

    data_of(await reset(client, await reset_token(client, mailbox, INVITED)))

    assert (await seen(client, admin, invited["id"]))["is_invited"] is False


async def test_every_answer_to_an_administrator_tells_it(client: httpx.AsyncClient, admin: Account) -> None:
    path = f"/api/users/{(await invite(client, admin))['id']}"
    answers = [
        await client.get(path, headers=admin.headers),
        await client.patch(path, headers=admin.headers, json={"nickname": "Ada", "locale": "zh"}),
        await client.post(f"{path}/deactivate", headers=admin.headers),
        await client.post(f"{path}/activate", headers=admin.headers),
    ]

    assert [data_of(answer)["is_invited"] for answer in answers] == [True] * 4
    assert [data_of(answer)["locale"] for answer in answers] == ["en"] + ["zh"] * 3


async def test_a_mistyped_address_of_somebody_invited_is_corrected_and_invited_there(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    invited = await invite(client, admin)
    mistyped = link_token(await mailbox.next_mail(to=INVITED))

    corrected = data_of(await correct(client, admin, invited["id"], RIGHT, nickname="Ada"))

    assert (corrected["email"], corrected["email_verified"], corrected["nickname"]) == (RIGHT, False, "Ada")
    assert corrected["is_invited"] is True
    assert_failure(await reset(client, mistyped), 400, "invalid_token")
    mail = await mailbox.next_mail(to=RIGHT)
    assert "https://app.example.com/accept-invitation#token=" in mail.get_content()
    data_of(await reset(client, link_token(mail)))
    assert await log_in(client, RIGHT, NEW)
    # The mistyped one is free again.
    await invite(client, admin)


async def test_the_address_of_an_account_is_corrected_and_everything_given_out_before_is_void(
    client: httpx.AsyncClient, admin: Account, user: Account, app: FastAPI, mailbox: Mailbox
) -> None:
    await have_confirmed(app, user)
    to_reset = await reset_token(client, mailbox, user.email)
    data_of(await change_email(client, user, "moved@example.com"), 202)
    to_move = link_token(await mailbox.next_mail(to="moved@example.com"))

    corrected = data_of(await correct(client, admin, user.id, RIGHT))

    assert (corrected["email"], corrected["email_verified"], corrected["is_invited"]) == (RIGHT, False, False)
    assert await is_over(client, user.tokens)
    notice = await mailbox.next_mail(to=user.email)
    assert "#token=" not in notice.get_content()
    user.tokens = await log_in(client, RIGHT, user.password)
    assert_failure(await reset(client, to_reset), 400, "invalid_token")
    assert_failure(await confirm_change(client, user, to_move), 400, "invalid_token")
    (event,) = await audited(client, admin, user_id=user.id, event="email_changed")
    assert (event["actor_id"], event["details"]) == (admin.id, {"corrected": True})


async def test_the_same_address_is_no_correction(
    client: httpx.AsyncClient, admin: Account, user: Account, app: FastAPI
) -> None:
    await have_confirmed(app, user)

    same = data_of(await correct(client, admin, user.id, f" {user.email} "))

    assert (same["email"], same["email_verified"]) == (user.email, True)
    assert await is_logged_in(client, user.tokens)


async def test_a_taken_address_changes_nothing(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    other = await sign_up(client)

    for email in (other.email, other.email.upper(), admin.email):
        assert_failure(await correct(client, admin, user.id, email), 409, "email_taken")

    assert await is_logged_in(client, user.tokens)
    assert (await seen(client, admin, user.id))["email"] == user.email


async def test_what_is_no_address_changes_nothing(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    for email in (None, "", " ", "a", "Foo <a@x.io>", 5, ["a@x.io"]):
        assert [loc for loc, _ in input_errors(await correct(client, admin, user.id, email))] == [("body", "email")]
    # Nobody corrects the own one where no password is asked for.
    answer = await client.patch("/api/users/me", headers=user.headers, json={"email": RIGHT})
    assert input_errors(answer) == [(("body", "email"), "extra_forbidden")]

    assert await is_logged_in(client, user.tokens)


async def test_nobody_corrects_the_own_address_without_the_password(client: httpx.AsyncClient, admin: Account) -> None:
    assert_failure(await correct(client, admin, admin.id, RIGHT), 409, "own_email")

    assert await is_logged_in(client, admin.tokens)
    data_of(await correct(client, admin, admin.id, admin.email, nickname="Ada"))


async def test_nobody_takes_the_account_of_somebody_who_may_do_more(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    writer = await sign_up_with(client, admin, "users:user.write")

    assert_failure(await correct(client, writer, admin.id, RIGHT), 403, "cannot_grant")
    assert_failure(await invite_again(client, writer, admin.id), 403, "cannot_grant")

    assert await is_logged_in(client, admin.tokens)
    data_of(await correct(client, writer, user.id, RIGHT))


async def test_an_invitation_is_sent_again_and_voids_the_earlier_one(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    invited = await invite(client, admin)
    first = link_token(await mailbox.next_mail(to=INVITED))

    assert data_of(await invite_again(client, admin, invited["id"]), 202) is None

    second = link_token(await mailbox.next_mail(to=INVITED))
    assert_failure(await reset(client, first), 400, "invalid_token")
    data_of(await reset(client, second))
    assert_failure(await invite_again(client, admin, invited["id"]), 409, "not_invited")
    assert len(await audited(client, admin, user_id=invited["id"], event="account_invited")) == 2


async def test_whoever_has_a_password_or_is_shut_out_is_not_invited_again(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    invited = await invite(client, admin)
    data_of(await client.post(f"/api/users/{invited['id']}/deactivate", headers=admin.headers))

    for user_id in (user.id, admin.id, invited["id"]):
        assert_failure(await invite_again(client, admin, user_id), 409, "not_invited")
    assert_failure(await invite_again(client, admin, "01990000-0000-7000-8000-000000000000"), 404, "user_not_found")
    assert_failure(await invite_again(client, user, invited["id"]), 403, "permission_denied")


@ON_SQLITE
async def test_invitations_to_one_recipient_are_limited(mailbox: Mailbox, make_app: MakeApp) -> None:
    app = make_app(smtp_url=mailbox.url, auth={"mail_limit_per_account": "3/hour"})
    async with client_of(app) as client:
        admin = await make_admin(app, client)
        invited, other = await invite(client, admin), await invite(client, admin, RIGHT)

        answers = [await invite_again(client, admin, invited["id"]) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [202] * 3 + [429]
        data_of(await invite_again(client, admin, other["id"]), 202)


async def test_of_corrections_and_an_acceptance_at_once_nothing_is_left_half_done(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    for number in range(3):
        invited = await invite(client, admin, f"wrong-{number}@example.com")
        token = link_token(await mailbox.next_mail(to=invited["email"]))

        accepted, *corrected = await asyncio.gather(
            reset(client, token),
            *(correct(client, admin, invited["id"], f"{turn}-{number}@example.com") for turn in range(3)),
        )

        assert accepted.status_code in {200, 400}, accepted.text
        assert {answer.status_code for answer in corrected} == {200}
        user = await seen(client, admin, invited["id"])
        assert user["is_invited"] == (accepted.status_code == 400)
        assert user["email_verified"] is False
