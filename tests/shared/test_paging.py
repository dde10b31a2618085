"""Keyset paging: every row once, whatever values they share, and no cursor but our own."""

import base64
import enum
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from dependency_injector import providers
from fastapi import FastAPI
from sqlalchemy import Enum, String, Text, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from modules.users import User, UserCreate
from modules.users.container import Container as UsersContainer
from shared.container import Runtime
from shared.errors import ValidationFailed
from shared.keys import KeyRing
from shared.paging import LONGEST_TEXT, PageOf, PageRequest, Paginator
from shared.paging.cursors import form_of
from shared.testing.applications import SECRET

COLUMNS = {"created_at": User.created_at, "email": User.email_key, "nickname": User.nickname}
MOMENTS = [datetime(2030, 1, 1, 12, 0, 0, microsecond, tzinfo=UTC) for microsecond in (1, 2, 2, 2, 2, 3)]
SORTS = ["created_at", "-created_at", "email", "-email", "nickname", "-nickname"]


class Colour(enum.Enum):
    RED = "r"


@pytest.fixture
async def runtime(app: FastAPI) -> Runtime:
    """With six users, four of them of one moment and all with one nickname."""
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        for number, moment in enumerate(MOMENTS):
            runtime.shared.clock.override(providers.Object(lambda moment=moment: moment))
            service = runtime.of(UsersContainer).user_service(session)
            await service.create(UserCreate(email=f"{5 - number}@example.com", nickname="same"))
    return runtime


async def page_of(runtime: Runtime, request: PageRequest, paginator: Paginator | None = None) -> PageOf[User]:
    paginator = paginator or runtime.shared.paginator()
    async with runtime.shared.database().read() as session:
        return await paginator.page(session, select(User), request, columns=COLUMNS, key=User.id)


async def all_pages(runtime: Runtime, sort: str, limit: int) -> list[Sequence[User]]:
    pages, cursor = [], None
    for _ in MOMENTS:
        page = await page_of(runtime, PageRequest(sort, limit, cursor))
        pages.append(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return pages
    raise AssertionError("there are more pages than rows")


async def test_every_row_comes_once_in_order_though_values_are_equal(runtime: Runtime) -> None:
    for sort in SORTS:
        (everything,) = await all_pages(runtime, sort, 100)
        assert len(everything) == len(MOMENTS)
        values = [getattr(row, COLUMNS[sort.removeprefix("-")].key) for row in everything]
        assert values == sorted(values, reverse=sort.startswith("-"))
        for limit in (1, 2, 3, 5):
            pages = await all_pages(runtime, sort, limit)
            assert [row.id for page in pages for row in page] == [row.id for row in everything], (sort, limit)
            assert {len(page) for page in pages[:-1]} == {limit}


async def test_without_a_sort_the_key_is_the_order(runtime: Runtime) -> None:
    for sort in ("", "-"):
        pages = await all_pages(runtime, sort, 2)
        ids = [row.id for page in pages for row in page]
        assert len(ids) == len(MOMENTS)
        assert ids == sorted(ids, reverse=sort == "-")


async def test_the_last_page_has_no_cursor_even_when_it_is_full(runtime: Runtime) -> None:
    assert [len(page) for page in await all_pages(runtime, "created_at", 3)] == [3, 3]
    assert (await page_of(runtime, PageRequest("email", 6))).next_cursor is None


async def test_the_total_counts_everything_and_only_when_asked_for(runtime: Runtime) -> None:
    first = await page_of(runtime, PageRequest("email", 2, total=True))
    second = await page_of(runtime, PageRequest("email", 2, first.next_cursor, total=True))

    assert (first.total, second.total) == (6, 6)
    assert (await page_of(runtime, PageRequest("email", 2))).total is None


async def test_a_cursor_that_was_tampered_with_is_refused(runtime: Runtime) -> None:
    cursor = (await page_of(runtime, PageRequest("created_at", 2))).next_cursor
    assert cursor is not None
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    changed = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(0, len(raw), 7)]
    forged = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in [*changed, raw[:-1], raw + b" ", raw[:32]]]

    for attempt in [*forged, cursor[:-4], cursor[4:], "", "x", "é", "\N{SNOWMAN}" * 8, "=" * 8, "A" * 43, "\x00"]:
        with pytest.raises(ValidationFailed) as caught:
            await page_of(runtime, PageRequest("created_at", 2, attempt))
        assert caught.value.data == {
            "errors": [
                {
                    "loc": ["query", "cursor"],
                    "type": "cursor_invalid",
                    "msg": "The cursor is not valid here.",
                    "params": {},
                }
            ]
        }


async def test_a_cursor_counts_for_its_own_order_only(runtime: Runtime) -> None:
    cursor = (await page_of(runtime, PageRequest("created_at", 2))).next_cursor

    assert (await page_of(runtime, PageRequest("created_at", 2, cursor))).rows
    for other in ("-created_at", "email"):
        with pytest.raises(ValidationFailed):
            await page_of(runtime, PageRequest(other, 2, cursor))


async def test_a_cursor_outlives_a_change_of_keys_while_the_old_key_is_in_the_ring(runtime: Runtime) -> None:
    request = PageRequest("created_at", 2, (await page_of(runtime, PageRequest("created_at", 2))).next_cursor)
    new = "another-key-for-tests-5Wd8Rk1Yh6Jc3Vb0Mz"

    during = await page_of(runtime, request, Paginator(KeyRing((new, SECRET))))
    assert len(during.rows) == 2
    with pytest.raises(ValidationFailed):
        await page_of(runtime, request, Paginator(KeyRing((new,))))


def test_what_makes_no_cursor_is_refused_at_once() -> None:
    class Base(DeclarativeBase):
        pass

    class Article(Base):
        __tablename__ = "articles"

        id: Mapped[UUID] = mapped_column(primary_key=True)
        body: Mapped[str] = mapped_column(Text)
        summary: Mapped[str] = mapped_column(String(LONGEST_TEXT + 1))
        title: Mapped[str] = mapped_column(String(LONGEST_TEXT))
        native: Mapped[Colour] = mapped_column(Enum(Colour))
        colour: Mapped[Colour] = mapped_column(Enum(Colour, native_enum=False))

    for column in (Article.body, Article.summary):
        with pytest.raises(TypeError, match="text needs a length"):
            form_of(column)
    assert form_of(Article.title).read("x") == "x"
    with pytest.raises(TypeError, match="native_enum=False"):
        form_of(Article.native)
    assert form_of(Article.colour).read("RED") is Colour.RED
