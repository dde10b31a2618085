"""A mail tells of what has happened, and never of what was rolled back."""

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from tests.api.envelope import assert_failure, data_of
from tests.api.failing import failing_commits
from tests.auth.emails import change_email
from tests.auth.recovery import change, forgot, reset, reset_token
from tests.conftest import UNLIMITED, Account, MakeApp
from tests.factories import RegisterRequestFactory
from tests.mailbox import Mailbox
from tests.security.test_recovery import everything_sent


@pytest.fixture
async def app(make_app: MakeApp, mailbox: Mailbox) -> FastAPI:
    return make_app(smtp_url=mailbox.url, auth=UNLIMITED)


async def test_a_mail_goes_only_after_the_commit(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account, mailbox: Mailbox
) -> None:
    token = await reset_token(client, mailbox, user.email)
    await everything_sent(app, mailbox)
    mailbox.mails.clear()

    with failing_commits(app):
        data_of(await forgot(client, user.email), 202)
        for answer in (
            await reset(client, token),
            await change(client, user, user.password),
            await change_email(client, user, "moved@example.com"),
            await client.post("/api/users", headers=admin.headers, json={"email": "invited@example.com"}),
            await client.post("/api/auth/register", json=RegisterRequestFactory.build().model_dump(mode="json")),
            await client.post("/api/auth/email/verify/request", headers=user.headers),
        ):
            assert_failure(answer, 503, "unavailable")
        assert await everything_sent(app, mailbox) == []

    data_of(await reset(client, token))
    assert await everything_sent(app, mailbox) == [user.email]
