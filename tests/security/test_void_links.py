"""What voids every link that was mailed to an account, for good."""

from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.container import Container
from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change, disown, verify
from tests.auth.recovery import NEW, reset, reset_token
from tests.auth.test_login import deactivate
from tests.conftest import UNLIMITED, Account, MakeApp, log_in


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, auth=UNLIMITED)


async def test_item_19_a_deactivation_voids_the_link_and_an_activation_does_not_bring_it_back(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)
    await deactivate(client, admin, user)
    assert_failure(await reset(client, token), 400, "invalid_token")

    data_of(await client.post(f"/api/users/{user.id}/activate", headers=admin.headers))

    assert_failure(await reset(client, token), 400, "invalid_token")
    assert await log_in(client, user.email, user.password)


async def test_item_19_a_deactivation_voids_the_links_of_an_account_without_a_password_too(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox
) -> None:
    user = data_of(await client.post("/api/users", headers=admin.headers, json={"email": "invited@x.io"}), 201)
    invitation = link_token(await mailbox.next_mail(to="invited@x.io"))
    links = [invitation, await reset_token(client, mailbox, "invited@x.io")]
    for change_of_state in ("deactivate", "activate"):
        data_of(await client.post(f"/api/users/{user['id']}/{change_of_state}", headers=admin.headers))

    for token in links:
        assert_failure(await reset(client, token), 400, "invalid_token")

    # Another one is good.
    data_of(await reset(client, await reset_token(client, mailbox, "invited@x.io")))
    assert await log_in(client, "invited@x.io", NEW)


async def test_item_19_a_deactivation_voids_every_other_link(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    confirmation = link_token(await mailbox.next_mail(to=user.email))
    data_of(await change_email(client, user, "moved@x.io"), 202)
    change_of_address = link_token(await mailbox.next_mail(to="moved@x.io"))
    await deactivate(client, admin, user)
    assert_failure(await disown(client, confirmation), 400, "invalid_token")
    data_of(await client.post(f"/api/users/{user.id}/activate", headers=admin.headers))
    user.tokens = await log_in(client, user.email, user.password)

    assert_failure(await verify(client, user, confirmation), 400, "invalid_token")
    assert_failure(await confirm_change(client, user, change_of_address), 400, "invalid_token")
    assert_failure(await disown(client, change_of_address), 400, "invalid_token")
    me = data_of(await client.get("/api/users/me", headers=user.headers))
    assert (me["email"], me["email_verified"]) == (user.email, False)


async def test_item_19_a_link_from_while_the_account_was_off_is_void_when_it_is_on_again(
    app: FastAPI, client: httpx.AsyncClient, admin: Account
) -> None:
    user = data_of(await client.post("/api/users", headers=admin.headers, json={"email": "invited@x.io"}), 201)
    data_of(await client.post(f"/api/users/{user['id']}/deactivate", headers=admin.headers))
    # As "forgot password" does that saw the account active a moment before.
    runtime: Runtime = app.state.runtime
    tokens = runtime.of(Container).mail_tokens()
    async with runtime.shared.database().transaction() as session:
        token = await tokens.issue(session, UUID(user["id"]), "reset", email="invited@x.io", ttl=600)

    assert_failure(await reset(client, token), 400, "invalid_token")
    data_of(await client.post(f"/api/users/{user['id']}/activate", headers=admin.headers))

    assert_failure(await reset(client, token), 400, "invalid_token")


async def test_item_19_a_changed_address_voids_the_link_even_if_it_is_changed_back(
    client: httpx.AsyncClient, user: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)
    for address in ("moved@x.io", user.email):
        data_of(await change_email(client, user, address), 202)
        while "/confirm-email-change#" not in (mail := await mailbox.next_mail(to=address)).get_content():
            pass
        data_of(await confirm_change(client, user, link_token(mail)))

    assert_failure(await reset(client, token), 400, "invalid_token")


async def test_item_19_a_deletion_voids_the_link(
    client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)
    data_of(await client.delete(f"/api/users/{user.id}", headers=admin.headers))

    assert_failure(await reset(client, token), 400, "invalid_token")
