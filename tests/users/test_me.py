import httpx2 as httpx

from tests.conftest import Account


async def test_me_is_the_caller(client: httpx.AsyncClient, user: Account) -> None:
    answer = await client.get("/api/users/me", headers=user.headers)

    assert answer.status_code == 200
    me = answer.json()["data"]
    assert (me["id"], me["email"], me["is_active"], me["email_verified"]) == (user.id, user.email, True, False)
    assert set(me) == {"id", "email", "nickname", "is_active", "email_verified", "created_at", "updated_at"}


async def test_the_nickname_can_be_changed_and_taken_away(client: httpx.AsyncClient, user: Account) -> None:
    changed = await client.patch("/api/users/me", headers=user.headers, json={"nickname": " Ada "})
    untouched = await client.patch("/api/users/me", headers=user.headers, json={})
    removed = await client.patch("/api/users/me", headers=user.headers, json={"nickname": None})

    assert [one.json()["data"]["nickname"] for one in (changed, untouched, removed)] == ["Ada", "Ada", None]
    assert changed.json()["data"]["updated_at"] > changed.json()["data"]["created_at"]
