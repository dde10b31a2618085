"""What a page of users costs: not more for a page that lies deep, and never a look at the whole table."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import insert, text, update

from modules.users import User
from modules.users.container import Container as UsersContainer
from shared.container import Runtime
from shared.paging import PageOf, PageRequest, search_page
from tests.reads import Reads

ROWS = 6_000
DEEP = 5_000
CHUNK = 1_000
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
ACTIVE = (None, True, False)
SORTS = ("created_at", "-created_at", "email", "-email")


def user_row(number: int) -> dict[str, Any]:
    """The order of times is not that of addresses, and five have one time each."""
    at = BEGIN + timedelta(seconds=number // 5)
    email = f"{'common' if number % 3 else 'other'}{number * 7919 % ROWS:05}@x.io"
    nickname = f"Nick{number * 104_729 % ROWS:05}"
    return {
        "id": UUID(int=(7 << 76) + (2 << 62) + number * 6_700_417 % ROWS),
        "email": email,
        "email_key": email,
        "nickname": nickname,
        "nickname_key": nickname.lower(),
        "locale": "en",
        "is_invited": number % 400 == 11,
        "is_active": number % 400 != 7,
        "email_verified": False,
        "created_at": at,
        "updated_at": at,
    }


class Lists:
    """Pages of users, and what a database reads for them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._database = runtime.shared.database()
        self._reads = Reads(self._database.engine, "users")

    async def page(self, request: PageRequest, **filters: Any) -> PageOf[User]:
        async with self._database.read() as session:
            return await self._runtime.of(UsersContainer).user_service(session).list(request, **filters)

    async def reads(self, request: PageRequest, **filters: Any) -> int:
        return await self._reads.of(lambda: self.page(request, **filters))

    async def reads_of_all_rows(self) -> int:
        return await self._reads.of_all_rows("email")

    async def behind(self, rows: int, sort: str, **filters: Any) -> PageRequest:
        """The page that begins behind so many rows."""
        before = await self.page(PageRequest(sort, rows), **filters)
        assert before.next_cursor is not None
        return PageRequest(sort, cursor=before.next_cursor)

    async def execute(self, *statements: Any) -> None:
        async with self._database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in statements:
                await connection.execute(statement)

    @property
    def tidying(self) -> list[Any]:
        """What the servers do by themselves sooner or later; SQLite does not."""
        statements = {"postgresql": ["VACUUM ANALYZE users"], "mysql": ["ANALYZE TABLE users"]}
        return [text(one) for one in statements.get(self._database.engine.dialect.name, [])]


@pytest.fixture
async def lists(app: FastAPI) -> Lists:
    lists = Lists(app.state.runtime)
    async with app.state.runtime.shared.database().transaction() as session:
        for start in range(0, ROWS, CHUNK):
            await session.execute(insert(User), [user_row(number) for number in range(start, start + CHUNK)])
    await lists.execute(*lists.tidying)
    return lists


async def test_a_page_costs_the_same_however_deep_it_lies(lists: Lists) -> None:
    for sort, is_active in product(SORTS, ACTIVE):
        first = await lists.reads(PageRequest(sort), is_active=is_active)
        # With most of the rows still to come, and with few.
        for rows in [5] if is_active is False else [ROWS - DEEP, DEEP]:
            deep = await lists.reads(await lists.behind(rows, sort, is_active=is_active), is_active=is_active)
            assert max(first, deep) <= 2 * min(first, deep), (sort, is_active, rows, first, deep)


async def test_the_same_holds_for_those_who_are_only_invited(lists: Lists) -> None:
    for sort, is_invited in product(SORTS, (True, False)):
        first = await lists.reads(PageRequest(sort), is_invited=is_invited)
        behind = await lists.behind(5 if is_invited else DEEP, sort, is_invited=is_invited)
        deep = await lists.reads(behind, is_invited=is_invited)
        assert max(first, deep) <= 2 * min(first, deep), (sort, is_invited, first, deep)


async def test_it_does_so_though_all_rows_are_of_one_moment(lists: Lists) -> None:
    await lists.execute(update(User).values(created_at=BEGIN), *lists.tidying)

    for sort, is_active in product(("created_at", "-created_at"), (None, True)):
        first = await lists.reads(PageRequest(sort), is_active=is_active)
        deep = await lists.reads(await lists.behind(DEEP, sort, is_active=is_active), is_active=is_active)
        assert max(first, deep) <= 2 * min(first, deep), (sort, is_active, first, deep)


@pytest.mark.parametrize("q", ["common", "NICK", "nick0000", "nobody"])
async def test_a_search_reads_a_small_part_of_the_table(lists: Lists, q: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_page, "SORT_LIMIT", 100)  # as small as the table
    whole = await lists.reads_of_all_rows()

    for sort, is_active in product(SORTS, ACTIVE):
        first = await lists.reads(PageRequest(sort), q=q, is_active=is_active)
        assert first < whole / 10, (sort, is_active, first, whole)
    if q in {"common", "NICK"}:
        for sort in SORTS:
            deep = await lists.reads(await lists.behind(2_000, sort, q=q), q=q)
            assert deep < whole / 10, (sort, deep, whole)


async def test_everything_is_counted_only_for_a_total(lists: Lists) -> None:
    first = await lists.reads(PageRequest("email"), is_active=True)

    assert await lists.reads(PageRequest("email", total=True), is_active=True) > 10 * first
