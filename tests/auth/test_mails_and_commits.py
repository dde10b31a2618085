"""What was rolled back is told to nobody."""

import httpx2 as httpx
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox
from tests.api.failing import failing_commits
from tests.auth.emails import change_email, request_verification
from tests.auth.recovery import change, forgot, reset, reset_token
from tests.auth.test_register import register
from tests.conftest import Account
from tests.security.test_recovery import app, everything_sent  # noqa: F401 - the application that sends mail


async def test_a_mail_goes_only_after_the_commit(
    app: FastAPI,  # noqa: F811 - the fixture
    client: httpx.AsyncClient,
    user: Account,
    admin: Account,
    mailbox: Mailbox,
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
            await register(client),
            await request_verification(client, user),
        ):
            assert_failure(answer, 503, "unavailable")
        assert await everything_sent(app, mailbox) == []

    data_of(await reset(client, token))
    assert await everything_sent(app, mailbox) == [user.email]
