import asyncio
import re
from typing import Any

import httpx2 as httpx
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.conftest import Account
from tests.factories import UserCreateFactory

PROTECTED = ("id", "email", "is_active", "email_verified", "email_key", "created_at", "updated_at", "roles", "is_admin")
REFUSED = ("", " ", "\u00a0", "x" * 51, "a\u0000b", "a\nb", "\u202eabc", 5, ["Ada"])


def new_user(**values: object) -> dict[str, Any]:
    return UserCreateFactory.build().model_dump(mode="json") | values


async def test_of_twenty_creations_at_once_with_one_address_one_succeeds(
    client: httpx.AsyncClient, admin: Account
) -> None:
    spellings = ["same@x.io", "SAME@x.io", "Same@X.io", "same@X.IO"] * 5

    answers = await asyncio.gather(
        *(client.post("/api/users", headers=admin.headers, json=new_user(email=email)) for email in spellings)
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    for answer in answers:
        if answer.status_code == 409:
            assert assert_failure(answer, 409, "email_taken")["data"] is None
    found = await client.get("/api/users", headers=admin.headers, params={"q": "same@", "total": True})
    assert data_of(found)["total"] == 1


async def test_a_taken_address_is_named_without_the_words_of_the_database(
    client: httpx.AsyncClient, admin: Account, user: Account
) -> None:
    answer = await client.post("/api/users", headers=admin.headers, json=new_user(email=user.email.upper()))

    assert_failure(answer, 409, "email_taken")
    for word in ("uq_", "UNIQUE", "constraint", "users", "sql", user.email):
        assert word.lower() not in answer.text.lower()


async def test_an_address_that_looks_like_another_after_composition_is_the_same(
    client: httpx.AsyncClient, admin: Account
) -> None:
    # T10: the ligature, the full-width letter and the sharp s are other spellings of these.
    for spelling, same in (
        ("\ufb00@x.io", "ff@x.io"),
        ("\uff41b@x.io", "ab@x.io"),
        ("stra\u00dfe@x.io", "strasse@x.io"),
    ):
        first = await client.post("/api/users", headers=admin.headers, json=new_user(email=same))
        data_of(first, 201)
        second = await client.post("/api/users", headers=admin.headers, json=new_user(email=spelling))
        assert second.status_code in {409, 422}, second.text


async def test_nobody_writes_what_is_not_theirs_to_write(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    before = data_of(await client.get("/api/users/me", headers=user.headers))

    for field in PROTECTED:
        body = {"nickname": "Mallory", field: True}
        answer = await client.patch("/api/users/me", headers=user.headers, json=body)
        assert input_errors(answer) == [(("body", field), "extra_forbidden")]
        answer = await client.patch(f"/api/users/{user.id}", headers=admin.headers, json=body)
        # An administrator corrects an address: it is one then.
        expected = "string_type" if field == "email" else "extra_forbidden"
        assert input_errors(answer) == [(("body", field), expected)]

    assert data_of(await client.get("/api/users/me", headers=user.headers)) == before


async def test_a_creation_sets_the_address_and_the_nickname_only(client: httpx.AsyncClient, admin: Account) -> None:
    for field in (*PROTECTED, "password", "password_hash"):
        if field != "email":
            answer = await client.post("/api/users", headers=admin.headers, json=new_user(**{field: True}))
            assert input_errors(answer) == [(("body", field), "extra_forbidden")]


async def test_a_nickname_is_refused_in_the_same_way_everywhere(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    for nickname in REFUSED:
        for answer in (
            await client.patch("/api/users/me", headers=user.headers, json={"nickname": nickname}),
            await client.patch(f"/api/users/{user.id}", headers=admin.headers, json={"nickname": nickname}),
            await client.post("/api/users", headers=admin.headers, json=new_user(nickname=nickname)),
        ):
            assert {loc for loc, _ in input_errors(answer)} == {("body", "nickname")}, repr(nickname)


async def test_the_document_refuses_the_nicknames_that_the_service_refuses(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    body = app.openapi()["components"]["schemas"]["UserUpdate"]["properties"]["nickname"]
    text = next(one for one in body["anyOf"] if one["type"] == "string")

    def fits(nickname: object) -> bool:
        is_short_enough = isinstance(nickname, str) and text["minLength"] <= len(nickname) <= text["maxLength"]
        return is_short_enough and re.search(text["pattern"], str(nickname)) is not None

    assert [one for one in REFUSED if fits(one)] == []
    for nickname in ("x", "x y", "ß", "\u00a0x", "x" * 50):
        assert fits(nickname), repr(nickname)
        answer = await client.patch("/api/users/me", headers=user.headers, json={"nickname": nickname})
        assert data_of(answer)["nickname"] == nickname.strip()


async def test_a_nickname_may_be_in_any_script(client: httpx.AsyncClient, user: Account) -> None:
    for nickname in (
        "\u5f20\u4f1f",
        "\u0410\u0434\u0430",
        "\u0639\u0644\u064a",
        "\U0001f600" * 50,
        "O'Brien; --",
        "%_\\",
    ):
        answer = await client.patch("/api/users/me", headers=user.headers, json={"nickname": nickname})
        assert data_of(answer)["nickname"] == nickname
        assert data_of(await client.get("/api/users/me", headers=user.headers))["nickname"] == nickname
