from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI

from shared.testing.envelope import assert_failure, data_of, input_errors
from tests.conftest import Account
from tests.factories import UserCreateFactory

SORTS = ["created_at", "-created_at", "email", "-email"]


class Lister:
    """Asks for pages as an administrator."""

    def __init__(self, client: httpx.AsyncClient, admin: Account) -> None:
        self.client = client
        self.headers = admin.headers

    async def get(self, **params: Any) -> httpx.Response:
        return await self.client.get("/api/users", headers=self.headers, params=params)

    async def page(self, **params: Any) -> dict[str, Any]:
        page: dict[str, Any] = data_of(await self.get(**params))
        assert set(page) == {"items", "next_cursor"} | ({"total"} if params.get("total") else set())
        return page

    async def emails(self, **params: Any) -> set[str]:
        return {user["email"] for user in (await self.page(limit=100, **params))["items"]}

    async def walk(self, **params: Any) -> list[list[dict[str, Any]]]:
        """Every page, one after the other."""
        pages: list[list[dict[str, Any]]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.page(**params, **cursor)
            pages.append(page["items"])
            if page["next_cursor"] is None:
                return pages
            cursor = {"cursor": page["next_cursor"]}

    async def add(self, **values: object) -> dict[str, Any]:
        body = UserCreateFactory.build().model_dump(mode="json") | values
        user: dict[str, Any] = data_of(await self.client.post("/api/users", headers=self.headers, json=body), 201)
        return user


@pytest.fixture
def users(client: httpx.AsyncClient, admin: Account) -> Lister:
    return Lister(client, admin)


def _order(sort: str) -> Any:
    return lambda user: (user[sort.removeprefix("-")], user["id"])


async def test_paging_shows_everybody_once_in_every_order(app: FastAPI, users: Lister) -> None:
    # Four moments for eleven users: pages end between equal values.
    begin = datetime.now(UTC) + timedelta(seconds=1)
    for number in range(11):
        moment = begin + timedelta(microseconds=number // 3)
        app.state.runtime.shared.clock.override(providers.Object(lambda moment=moment: moment))
        await users.add(email=f"{(number * 7) % 11:02}@x.io", nickname=None)
    everybody = (await users.page(limit=100))["items"]
    assert len(everybody) == 12
    assert len({user["created_at"] for user in everybody}) == 5

    for sort in SORTS:
        for limit in (1, 2, 5, 11, 12):
            pages = await users.walk(sort=sort, limit=limit)
            assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
            assert len(pages) == -(-12 // limit)
            seen = [user for page in pages for user in page]
            assert seen == sorted(everybody, key=_order(sort), reverse=sort.startswith("-")), (sort, limit)


async def test_the_newest_come_first_unless_asked_otherwise(users: Lister) -> None:
    first, second = await users.add(), await users.add()

    assert (await users.page(limit=2))["items"] == [second, first]


async def test_paging_neither_skips_nor_repeats_while_others_write(users: Lister) -> None:
    for number in (1, 3, 5, 7):
        await users.add(email=f"m{number}@x.io")
    page = await users.page(sort="email", limit=2, q="m")
    await users.add(email="m0@x.io")
    await users.add(email="m4@x.io")
    rest = await users.page(sort="email", limit=10, q="m", cursor=page["next_cursor"])

    assert [user["email"] for user in page["items"]] == ["m1@x.io", "m3@x.io"]
    assert [user["email"] for user in rest["items"]] == ["m4@x.io", "m5@x.io", "m7@x.io"]
    assert rest["next_cursor"] is None


async def test_addresses_sort_whatever_their_case(users: Lister) -> None:
    for email in ("B@x.io", "a@x.io", "C@x.io"):
        await users.add(email=email)

    page = await users.page(sort="email", limit=3)

    assert [user["email"] for user in page["items"]] == ["a@x.io", "B@x.io", "C@x.io"]


async def test_a_search_finds_the_beginning_of_address_and_nickname(users: Lister) -> None:
    ada = (await users.add(email="countess@x.io", nickname="Ada Lovelace"))["email"]
    adam = (await users.add(email="Adam@x.io", nickname="Smith"))["email"]

    for query in ("ad", "AD", "Ad"):
        assert await users.emails(q=query) == {ada, adam}
    assert await users.emails(q="ada l") == {ada}
    assert await users.emails(q="adam@X") == {adam}
    assert await users.emails(q="lovelace") == set()
    assert await users.emails(q="") >= {ada, adam}


async def test_a_search_knows_the_case_of_every_script(users: Lister) -> None:
    elan = (await users.add(email="e@x.io", nickname="\u00c9lan"))["email"]
    anna = (await users.add(email="f@x.io", nickname="\u0410\u043d\u043d\u0430"))["email"]

    for query in ("\u00c9l", "\u00e9l"):
        assert await users.emails(q=query) == {elan}
    for query in ("\u0410\u043d", "\u0430\u043d", "\u0410\u041d"):
        assert await users.emails(q=query) == {anna}
    assert await users.emails(q="el") == set()


async def test_a_search_takes_every_character_for_itself(users: Lister) -> None:
    names = {"100% sure": "%", "snake_case": "_", "back\\slash": "\\", "sl/ash": "/", "it's": "'"}
    emails = {}
    for number, name in enumerate(names):
        emails[name] = (await users.add(email=f"u{number}@x.io", nickname=name))["email"]
    await users.add(email="w@x.io", nickname="snakeXcase")

    for query in ("%", "_", "\\", "/", "'", "%%", "a_c"):
        assert await users.emails(q=query) == set(), query
    for name, character in names.items():
        query = name[: name.index(character) + 1]
        assert await users.emails(q=query) == {emails[name]}, query
    under = (await users.add(email="a_b@x.io", nickname=None))["email"]
    await users.add(email="acb@x.io", nickname=None)
    assert await users.emails(q="a_b") == {under}


async def test_users_can_be_told_apart_by_activity(users: Lister) -> None:
    off, on = await users.add(), await users.add()
    data_of(await users.client.post(f"/api/users/{off['id']}/deactivate", headers=users.headers))

    assert await users.emails(is_active=False) == {off["email"]}
    assert on["email"] in await users.emails(is_active=True)
    assert off["email"] not in await users.emails(is_active=True)
    assert await users.emails() >= {on["email"], off["email"]}


async def test_the_total_is_counted_only_when_asked_for(users: Lister) -> None:
    for number in range(3):
        await users.add(email=f"t{number}@x.io", nickname=None)

    assert "total" not in await users.page(limit=1)
    assert "total" not in await users.page(limit=1, total=False)
    first = await users.page(limit=1, q="t", total=True)
    assert first["total"] == 3
    assert (await users.page(limit=1, q="t", total=True, cursor=first["next_cursor"]))["total"] == 3
    assert (await users.page(q="nobody", total=True)) == {"items": [], "next_cursor": None, "total": 0}


async def test_item_68_a_page_holds_from_one_to_a_hundred(users: Lister) -> None:
    for right in (1, 100):
        assert (await users.page(limit=right))["items"]
    wrong: list[object] = [0, -1, 101, 10**9, 2**63, 10**60, "1_0", "+1", "1.0", "1.5", "\u0661", "1e1", "NaN", "", "x"]
    for limit in wrong:
        assert [loc for loc, _ in input_errors(await users.get(limit=limit))] == [("query", "limit")], limit


async def test_item_68_only_what_is_listed_can_be_sorted_by(users: Lister) -> None:
    for sort in (
        "password_hash",
        "email_key",
        "id",
        "+email",
        "--email",
        "email,id",
        "EMAIL",
        "",
        "1; DROP TABLE users",
    ):
        assert [loc for loc, _ in input_errors(await users.get(sort=sort))] == [("query", "sort")], sort


async def test_a_search_is_one_short_line(users: Lister) -> None:
    for query in ("x" * 101, "a\u0000b", "a\nb", "\u202e"):
        assert [loc for loc, _ in input_errors(await users.get(q=query))] == [("query", "q")], repr(query)


async def test_a_cursor_is_taken_only_as_it_was_given(users: Lister) -> None:
    for _ in range(2):
        await users.add()
    cursor = (await users.page(sort="email", limit=1))["next_cursor"]
    assert cursor

    for wrong in (cursor[:-4], cursor[4:], cursor[::-1], cursor.swapcase(), "x", "!", "\u00e9", "A" * 100, "A" * 9000):
        assert [loc for loc, _ in input_errors(await users.get(sort="email", cursor=wrong))] == [("query", "cursor")]
    for sort in ("-email", "created_at", "-created_at"):
        assert input_errors(await users.get(sort=sort, cursor=cursor)) == [(("query", "cursor"), "cursor_invalid")]


async def test_a_cursor_opens_nothing(client: httpx.AsyncClient, users: Lister, user: Account) -> None:
    cursor = (await users.page(limit=1))["next_cursor"]

    stolen = await client.get("/api/users", headers=user.headers, params={"cursor": cursor})

    assert_failure(stolen, 403, "permission_denied")
