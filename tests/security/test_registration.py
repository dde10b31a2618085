"""New accounts: one for each address, however it is written."""

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.users import email_key
from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change
from tests.auth.roles import audited
from tests.auth.test_register import register, registration
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

SPELLINGS = [
    "B@b\u00fccher.example",
    "b@b\u00fccher.example",
    "b@BU\u0308CHER.example",
    "b@xn--bcher-kva.example",
    "B@XN--BCHER-KVA.EXAMPLE",
    " b@b\u00fccher.example ",
]


async def test_item_21_an_international_domain_is_one_domain_in_every_spelling(client: httpx.AsyncClient) -> None:
    request = registration(email=SPELLINGS[0])
    assert data_of(await client.post("/api/auth/register", json=request), 201)["email"] == SPELLINGS[0]

    for spelling in SPELLINGS:
        assert_failure(await register(client, email=spelling), 409, "email_taken")
        assert await log_in(client, spelling, str(request["password"]))


async def test_item_21_an_administrator_makes_no_second_account_either(
    client: httpx.AsyncClient, admin: Account
) -> None:
    data_of(await client.post("/api/users", headers=admin.headers, json={"email": SPELLINGS[0]}), 201)

    for spelling in SPELLINGS:
        answer = await client.post("/api/users", headers=admin.headers, json={"email": spelling})
        assert_failure(answer, 409, "email_taken")
        assert_failure(await register(client, email=spelling), 409, "email_taken")


async def test_item_21_nobody_moves_to_anothers_address(mailbox: Mailbox, make_app: MakeApp) -> None:
    async with client_of(make_app(smtp_url=mailbox.url)) as client:
        mover_request, holder_request = registration(email="mover@x.io"), registration(email="new@x.io")
        data_of(await client.post("/api/auth/register", json=mover_request), 201)
        tokens = await log_in(client, "mover@x.io", str(mover_request["password"]))
        mover = Account("", "mover@x.io", str(mover_request["password"]), tokens)
        data_of(await change_email(client, mover, "New@x.io"), 202)
        token = link_token(await mailbox.next_mail(to="New@x.io"))
        # Somebody else was faster.
        data_of(await client.post("/api/auth/register", json=holder_request), 201)

        assert_failure(await confirm_change(client, mover, token), 409, "email_taken")
        assert data_of(await client.get("/api/users/me", headers=mover.headers))["email"] == "mover@x.io"


# Domains that IDNA 2008 tells apart and casefolding does not, each pair with one local part.
OTHER_DOMAINS = [
    ("info@strau\u00df.de", "info@strauss.de"),
    ("info@xn--strau-pqa.de", "Info@STRAUSS.DE"),
    ("info@fa\u00df.example", "info@fass.example"),
    ("b@\u03c3\u03b1\u03c2.gr", "b@\u03a3\u0391\u03a3.gr"),
]


@pytest.mark.parametrize(("one", "other"), OTHER_DOMAINS)
async def test_item_21_domains_that_are_two_have_two_accounts(make_app: MakeApp, one: str, other: str) -> None:
    async with client_of(make_app(auth=UNLIMITED)) as client:
        requests = [registration(email=one), registration(email=other)]
        users = [data_of(await client.post("/api/auth/register", json=request), 201) for request in requests]

        for request, user in zip(requests, users, strict=True):
            tokens = await log_in(client, str(request["email"]), str(request["password"]))
            me = await client.get("/api/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
            assert data_of(me)["id"] == user["id"]


def test_item_21_a_key_is_its_own_key() -> None:
    for email in [
        *SPELLINGS,
        *(email for pair in OTHER_DOMAINS for email in pair),
        "\ufb01ona@x.io",
        "ada",
        "@",
        "a@b@C",
    ]:
        assert email_key(email_key(email)) == email_key(email)


@ON_SQLITE
async def test_registrations_from_one_address_are_limited(app: FastAPI) -> None:
    async with client_of(app, "203.0.113.7") as client, client_of(app, "203.0.113.8") as other:
        statuses = [(await register(client)).status_code for _ in range(22)]
        assert statuses == [201] * 20 + [429] * 2
        data_of(await register(other), 201)


@ON_SQLITE
async def test_a_registration_is_noted(client: httpx.AsyncClient, user: Account, admin: Account) -> None:
    (event,) = await audited(client, admin, event="account_registered", user_id=user.id)

    assert (event["ip"], event["actor_id"], event["details"]) == ("127.0.0.1", None, {})
