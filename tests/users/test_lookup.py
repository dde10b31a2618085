from uuid import uuid4

import httpx2 as httpx

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.conftest import Account
from tests.factories import UserCreateFactory


async def test_an_administrator_sees_any_user(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    seen = data_of(await client.get(f"/api/users/{user.id}", headers=admin.headers))

    own = data_of(await client.get("/api/users/me", headers=user.headers))
    assert seen == own | {"locale": seen["locale"], "is_invited": False}


async def test_nobody_is_found_under_an_unknown_id(client: httpx.AsyncClient, admin: Account) -> None:
    path = f"/api/users/{uuid4()}"

    answers = [
        await client.get(path, headers=admin.headers),
        await client.patch(path, headers=admin.headers, json={}),
        await client.post(f"{path}/deactivate", headers=admin.headers),
        await client.post(f"{path}/activate", headers=admin.headers),
    ]

    for answer in answers:
        assert_failure(answer, 404, "user_not_found")


async def test_what_is_no_id_is_refused(client: httpx.AsyncClient, admin: Account) -> None:
    for wrong in ("1", "0", "-1", str(2**63), "9" * 100, "nobody", "%00", "%27%20OR%201=1", "a" * 32 + "b", "None"):
        for answer in (
            await client.get(f"/api/users/{wrong}", headers=admin.headers),
            await client.post(f"/api/users/{wrong}/deactivate", headers=admin.headers),
        ):
            assert [loc for loc, _ in input_errors(answer)] == [("path", "user_id")], wrong


async def test_a_created_user_has_no_password_and_is_listed(client: httpx.AsyncClient, admin: Account) -> None:
    request = UserCreateFactory.build()

    answer = await client.post("/api/users", headers=admin.headers, json=request.model_dump(mode="json"))

    created = data_of(answer, 201)
    assert (created["email"], created["nickname"], created["is_active"]) == (request.email, request.nickname, True)
    assert data_of(await client.get(f"/api/users/{created['id']}", headers=admin.headers)) == created


async def test_an_administrator_changes_a_nickname(client: httpx.AsyncClient, admin: Account, user: Account) -> None:
    path = f"/api/users/{user.id}"

    changed = data_of(await client.patch(path, headers=admin.headers, json={"nickname": "Ada"}))

    assert changed["nickname"] == "Ada"
    own = data_of(await client.get("/api/users/me", headers=user.headers))
    assert changed == own | {"locale": changed["locale"], "is_invited": False}


async def test_a_user_can_be_switched_off_and_on_and_twice_is_no_fault(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    states = []
    for action in ("deactivate", "deactivate", "activate", "activate"):
        answer = await client.post(f"/api/users/{user.id}/{action}", headers=admin.headers)
        states.append(data_of(answer))

    assert [state["is_active"] for state in states] == [False, False, True, True]
    assert states[0] == states[1]
    assert states[0]["updated_at"] < states[2]["updated_at"]
    assert states[2] == states[3]
