"""Each token opens what it was made for, and nothing else."""

from collections.abc import Awaitable, Callable

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox, link_token
from tests.conftest import UNLIMITED, Account, MakeApp, sign_up

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

Door = Callable[[str], Awaitable[httpx.Response]]

# What each token is for.
PURPOSES = {
    "access": "bearer",
    "refresh": "refresh",
    "verification": "verify",
    "reset": "reset",
    "invitation": "reset",
    "email change": "confirm",
}
# "This was not me" takes the same tokens as the confirmation.
CAN_BE_DISOWNED = {"verification", "email change"}
FAILURES = {
    "bearer": (401, "not_authenticated"),
    "refresh": (401, "invalid_refresh_token"),
    "verify": (400, "invalid_token"),
    "reset": (400, "invalid_token"),
    "confirm": (400, "invalid_token"),
    "disown": (400, "invalid_token"),
}


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(smtp_url=mailbox.url, auth=UNLIMITED)


Owners = dict[str, dict[str, str]]


@pytest.fixture
def owners() -> Owners:
    """The headers of whoever got a token, for the doors that ask for a login, too."""
    return {}


@pytest.fixture
async def tokens(client: httpx.AsyncClient, admin: Account, mailbox: Mailbox, owners: Owners) -> dict[str, str]:
    """One of each kind, all of them good."""
    user, forgetful, mover = [await sign_up(client) for _ in range(3)]
    verification = link_token(await mailbox.next_mail(to=user.email))
    await mailbox.next_mail(to=forgetful.email)
    await client.post("/api/auth/password/forgot", json={"email": forgetful.email})
    await client.post("/api/users", headers=admin.headers, json={"email": "invited@example.com"})
    change = {"new_email": "moved@example.com", "current_password": mover.password}
    await client.post("/api/auth/email/change", headers=mover.headers, json=change)
    tokens = {
        "access": user.tokens["access_token"],
        "refresh": user.tokens["refresh_token"],
        "verification": verification,
        "reset": link_token(await mailbox.next_mail(to=forgetful.email)),
        "invitation": link_token(await mailbox.next_mail(to="invited@example.com")),
        "email change": link_token(await mailbox.next_mail(to="moved@example.com")),
    }
    owners |= {tokens["verification"]: user.headers, tokens["email change"]: mover.headers}
    return tokens


@pytest.fixture
def doors(client: httpx.AsyncClient, admin: Account, owners: Owners) -> dict[str, Door]:
    async def bearer(token: str) -> httpx.Response:
        return await client.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})

    def posted(path: str, field: str = "token", **more: str) -> Door:
        async def post(token: str) -> httpx.Response:
            return await client.post(f"/api/auth{path}", json={field: token} | more)

        return post

    def as_its_owner(path: str) -> Door:
        async def post(token: str) -> httpx.Response:
            headers = owners.get(token, admin.headers)
            return await client.post(f"/api/auth{path}", json={"token": token}, headers=headers)

        return post

    return {
        "bearer": bearer,
        "refresh": posted("/refresh", "refresh_token"),
        "verify": as_its_owner("/email/verify"),
        "reset": posted("/password/reset", new_password="purple tractors never sleep"),
        "disown": posted("/email/disown"),
        "confirm": as_its_owner("/email/change/confirm"),
    }


async def test_item_28_no_token_is_good_for_what_another_is_for(tokens: dict[str, str], doors: dict[str, Door]) -> None:
    assert set(tokens) == set(PURPOSES)
    assert len(set(tokens.values())) == len(tokens)

    for kind, token in tokens.items():
        for name, door in doors.items():
            if name == PURPOSES[kind] or (name == "disown" and kind in CAN_BE_DISOWNED):
                continue
            answer = await door(token)
            if kind == "access" and name in {"verify", "reset", "confirm", "disown"}:
                # It is longer than any link.
                assert_failure(answer, 422, "validation_error")
                continue
            assert answer.status_code == FAILURES[name][0], f"{kind} at {name}: {answer.text}"
            assert_failure(answer, *FAILURES[name])
            if name == "bearer":
                assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', kind

    # Each is good all the same: a wrong door uses nothing up.
    for kind, token in tokens.items():
        answer = await doors[PURPOSES[kind]](token)
        assert answer.status_code == 200, f"{kind}: {answer.text}"
        data_of(answer)
