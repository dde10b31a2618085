"""An account that somebody else makes: the mail, and the first password."""

import asyncio
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.recovery import NEW, reset, reset_token
from tests.auth.roles import audited, set_roles
from tests.auth.test_last_administrator import WAYS, Way
from tests.auth.test_login import attempt
from tests.conftest import UNLIMITED, Account, MakeApp, MovableClock, log_in

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

INVITED = "invited@example.com"


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, public_url="https://app.example.com", auth=UNLIMITED)


async def invite(client: httpx.AsyncClient, admin: Account, email: str = INVITED, **values: str) -> dict[str, Any]:
    """Gives the new user."""
    answer = await client.post("/api/users", headers=admin.headers, json={"email": email, **values})
    user: dict[str, Any] = data_of(answer, 201)
    return user


async def test_an_invited_user_chooses_the_password_and_is_verified(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    user = await invite(client, admin, nickname="Ada")
    assert (user["email_verified"], user["is_active"]) == (False, True)
    mail = await mailbox.next_mail(to=INVITED)
    assert "https://app.example.com/accept-invitation#token=" in mail.get_content()
    assert_failure(await attempt(client, INVITED, NEW), 401, "invalid_credentials")

    data_of(await reset(client, link_token(mail)))

    tokens = await log_in(client, INVITED, NEW)
    me = await client.get("/api/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert (data_of(me)["id"], data_of(me)["email_verified"]) == (user["id"], True)
    listed = await client.get("/api/users", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert_failure(listed, 403, "permission_denied")
    events = await audited(client, admin, user_id=user["id"])
    assert [(event["event"], event["actor_id"]) for event in events if event["event"] != "login_failed"] == [
        ("account_invited", admin.id),
        ("password_reset", None),
        ("login_succeeded", None),
    ]


async def test_an_invitation_is_good_once(client: httpx.AsyncClient, admin: Account, mailbox: Mailbox) -> None:
    await invite(client, admin)
    token = link_token(await mailbox.next_mail(to=INVITED))

    answers = await asyncio.gather(*(reset(client, token, f"{NEW} {number}") for number in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert_failure(await reset(client, token), 400, "invalid_token")


async def test_of_an_invitation_and_a_reset_at_once_one_chooses_the_first_password(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    await invite(client, admin)
    links = [link_token(await mailbox.next_mail(to=INVITED)), await reset_token(client, mailbox, INVITED)]

    answers = await asyncio.gather(*(reset(client, token, f"{NEW} {number}") for number, token in enumerate(links)))

    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert await log_in(client, INVITED, f"{NEW} {[answer.status_code for answer in answers].index(200)}")
    for token in links:
        assert_failure(await reset(client, token), 400, "invalid_token")


@ON_SQLITE
async def test_an_invitation_lasts_for_a_week_and_then_forgot_password_helps(
    client: httpx.AsyncClient, clock: MovableClock, admin: Account, mailbox: Mailbox
) -> None:
    await invite(client, admin, "early@example.com")
    await invite(client, admin)
    early = link_token(await mailbox.next_mail(to="early@example.com"))
    late = link_token(await mailbox.next_mail(to=INVITED))
    clock.advance(days=6.9)
    data_of(await reset(client, early))
    clock.advance(days=0.2)

    assert_failure(await reset(client, late), 400, "invalid_token")

    data_of(await reset(client, await reset_token(client, mailbox, INVITED)))
    assert await log_in(client, INVITED, NEW)


@pytest.mark.parametrize("way", WAYS)
async def test_item_55_an_administrator_who_has_not_accepted_the_invitation_is_no_successor(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox, way: Way
) -> None:
    user = await invite(client, admin)
    data_of(await set_roles(client, admin, user["id"], "admin", "user"))
    token = link_token(await mailbox.next_mail(to=INVITED))

    assert_failure(await way(client, admin, admin), 409, "last_admin")

    data_of(await reset(client, token))
    data_of(await way(client, admin, admin))


@pytest.mark.parametrize("way", WAYS)
async def test_an_administrator_who_has_not_accepted_the_invitation_can_go(
    client: httpx.AsyncClient, admin: Account, way: Way
) -> None:
    user = await invite(client, admin)
    data_of(await set_roles(client, admin, user["id"], "admin", "user"))

    data_of(await way(client, admin, Account(user["id"], INVITED, "", {})))


async def test_whoever_was_deactivated_meanwhile_cannot_accept(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    user = await invite(client, admin)
    token = link_token(await mailbox.next_mail(to=INVITED))
    data_of(await client.post(f"/api/users/{user['id']}/deactivate", headers=admin.headers))

    assert_failure(await reset(client, token), 400, "invalid_token")
    assert_failure(await attempt(client, INVITED, NEW), 401, "invalid_credentials")


@ON_SQLITE
async def test_a_first_password_obeys_the_rules(client: httpx.AsyncClient, admin: Account, mailbox: Mailbox) -> None:
    await invite(client, admin, nickname="Augusta")
    token = link_token(await mailbox.next_mail(to=INVITED))

    for password in ("short", "password123456789", "countess-of-augusta-17", "i-was-invited-2024"):
        assert_failure(await reset(client, token, password), 422, "validation_error")
    data_of(await reset(client, token))


@ON_SQLITE
async def test_nobody_is_invited_where_there_is_an_account(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    await app.state.runtime.shared.background().close()
    mailbox.mails.clear()

    answer = await client.post("/api/users", headers=admin.headers, json={"email": user.email})

    assert_failure(answer, 409, "email_taken")
    await app.state.runtime.shared.background().close()
    assert mailbox.mails == []
