import asyncio
import json
import os
from uuid import UUID

import httpx2 as httpx

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.conftest import MakeApp, client_of, log_in
from tests.factories import RegisterRequestFactory


def registration(**values: object) -> dict[str, object]:
    return RegisterRequestFactory.build().model_dump(mode="json") | values


async def register(client: httpx.AsyncClient, **values: object) -> httpx.Response:
    return await client.post("/api/auth/register", json=registration(**values))


async def test_registering_answers_with_the_new_user_and_nothing_secret(client: httpx.AsyncClient) -> None:
    answer = await register(client, email="Ada.Lovelace@Example.COM", nickname=" Ada ")

    user = data_of(answer, 201)
    assert set(user) == {"id", "email", "nickname", "is_active", "email_verified", "created_at", "updated_at"}
    assert UUID(user["id"]).version == 7
    assert (user["email"], user["nickname"]) == ("Ada.Lovelace@example.com", "Ada")
    assert (user["is_active"], user["email_verified"]) == (True, False)
    assert user["created_at"] == user["updated_at"]
    assert user["created_at"].endswith("Z")


async def test_item_21_the_case_of_an_address_does_not_make_it_another_account(client: httpx.AsyncClient) -> None:
    answers = [await register(client, email=email) for email in ("A@x.io", "a@x.io", "a@X.IO")]

    data_of(answers[0], 201)
    for taken in answers[1:]:
        assert assert_failure(taken, 409, "email_taken")["data"] is None


async def test_item_21_composed_and_decomposed_letters_are_one_address(client: httpx.AsyncClient) -> None:
    data_of(await register(client, email="ren\u00e9@x.io"), 201)

    assert_failure(await register(client, email="rene\u0301@x.io"), 409, "email_taken")


async def test_one_can_log_in_with_any_spelling_of_the_address(client: httpx.AsyncClient) -> None:
    request = registration(email="A@x.io")
    data_of(await client.post("/api/auth/register", json=request), 201)

    assert await log_in(client, "a@X.IO", str(request["password"]))


async def test_item_21_blanks_around_an_address_are_no_part_of_it(client: httpx.AsyncClient) -> None:
    assert data_of(await register(client, email=" a@x.io "), 201)["email"] == "a@x.io"


async def test_item_21_what_is_not_just_an_address_is_refused(client: httpx.AsyncClient) -> None:
    texts = ["Foo <a@x.io>", "<a@x.io>", "mailto:a@x.io", "a@x.io, b@x.io", "a@x.io;", "a@x.io\n", "a@x.io\u0000"]
    texts += ["a@@x.io", "a@x", "@x.io", "a", "", f"a@{'x' * 250}.io"]
    for email in (*texts, None, 17, ["a@x.io"]):
        faults = input_errors(await register(client, email=email))
        assert [loc for loc, _ in faults] == [("body", "email")], email


async def test_a_nickname_is_one_short_line_of_plain_text(client: httpx.AsyncClient) -> None:
    for nickname in ("", "  ", "x" * 51, "a\u0000b", "a\nb", "\u202eabc", "\ud800", 5):
        # Escaped here: the client cannot encode half of a surrogate pair.
        body = json.dumps(registration(nickname=nickname))
        answer = await client.post("/api/auth/register", content=body, headers={"content-type": "application/json"})
        assert {loc for loc, _ in input_errors(answer)} == {("body", "nickname")}, repr(nickname)


async def test_what_a_registration_may_not_set_is_refused(client: httpx.AsyncClient) -> None:
    for field in ("id", "is_active", "email_verified", "password_hash", "roles", "role", "is_admin", "created_at"):
        assert input_errors(await register(client, **{field: True})) == [(("body", field), "extra_forbidden")]


async def test_nobody_registers_while_registration_is_closed(make_app: MakeApp) -> None:
    async with client_of(make_app(auth={"registration": "closed"})) as client:
        request = registration()
        assert_failure(await client.post("/api/auth/register", json=request), 403, "registration_closed")
        login = {"email": request["email"], "password": request["password"]}
        assert_failure(await client.post("/api/auth/login", json=login), 401, "invalid_credentials")


async def test_item_22_of_twenty_registrations_at_once_with_one_address_one_succeeds(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(register(client, email="a@x.io") for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_item_10_more_hashes_than_the_queue_holds_are_refused_for_the_moment(make_app: MakeApp) -> None:
    async with client_of(make_app(auth={"hash_queue": 2})) as client:
        answers = await asyncio.gather(*(register(client) for _ in range(2 + 4 * (os.cpu_count() or 1))))

        refused = [answer for answer in answers if answer.status_code != 201]
        assert refused
        assert len(refused) < len(answers)
        for answer in refused:
            assert_failure(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "1"
        data_of(await register(client), 201)
