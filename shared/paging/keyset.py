"""Keyset paging: a page costs the same however deep it lies, and no row is skipped or shown twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from fastapi.requests import HTTPConnection
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shared.application import part_of
from shared.http.bodies import ResponseData
from shared.keys import KeyRing
from shared.paging.cursors import LONGEST_CURSOR, Cursors, form_of
from shared.paging.page_query import PageQuery
from shared.paging.search import BeginsWith
from shared.paging.search_page import criteria_of, search_page

T = TypeVar("T")
R = TypeVar("R")

MAXIMUM_LIMIT = 100


def _refuse_odd_spellings(value: object) -> object:
    # pydantic would take "1_0" and "+1" and "1.0" for numbers.
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdigit()):
        raise PydanticCustomError("int_parsing", "This is not a whole number.")
    return value


Limit = Annotated[
    int,
    Query(ge=1, le=MAXIMUM_LIMIT, description="The largest number of items on a page."),
    BeforeValidator(_refuse_odd_spellings),
]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the previous page; opaque.")
]
WithTotal = Annotated[bool, Query(description="Also count all items; costs a scan.")]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page that a client asks for.

    `sort` is a column of the allow-list, with `-` in front for descending. Empty it is the key, and `-` descending.
    """

    sort: str = ""
    limit: int = 20
    cursor: str | None = None
    total: bool = False


@dataclass(frozen=True, slots=True)
class PageOf(Generic[R]):
    """A page of rows, before they become a response."""

    rows: Sequence[R]
    next_cursor: str | None
    total: int | None


class Page(ResponseData, Generic[T]):
    """One page of a list."""

    items: list[T] = Field(description="The items on this page.")
    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page; null on the last one.", examples=["WyJhIl0.c2lnbmVk"]
    )
    total: int | None = Field(
        default=None,
        exclude_if=lambda total: total is None,
        description="The number of items on all pages; only present if asked for.",
        examples=[1],
    )

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The name in the OpenAPI document: `UserReadPage`."""
        return f"{params[0].__name__}Page"

    @classmethod
    def of(cls, page: PageOf[Any]) -> Self:
        """The response for a page of rows: each item is read from its row by attributes."""
        return cls.model_validate({"items": page.rows, "next_cursor": page.next_cursor, "total": page.total})


NO_COLUMNS: Mapping[str, InstrumentedAttribute[Any]] = {}


class Paginator:
    """Cuts pages out of a select. Cursors are signed, so that clients cannot forge one."""

    def __init__(self, keys: KeyRing) -> None:
        self._cursors = Cursors(keys)

    async def page(  # noqa: PLR0913 - the query, the request, and the columns that it may use
        self,
        session: AsyncSession,
        query: Select[R],
        request: PageRequest,
        *,
        key: InstrumentedAttribute[UUID],
        columns: Mapping[str, InstrumentedAttribute[Any]] = NO_COLUMNS,
        search: Sequence[BeginsWith] = (),
    ) -> PageOf[R]:
        """Fetch one page.

        An index on the columns that the query compares with `=`, then the sort column, then the key serves it.

        Args:
            key: The unique column that decides between equal values, and sorts where the request has no `sort`.
            columns: The columns that may be sorted by, by their public names; none of them nullable, and text only
                with a length.
            search: Select only rows that one of these terms finds.

        Raises:
            ValidationFailed: The cursor was not made by this service, or for another sort order.
        """
        name = request.sort.removeprefix("-")
        column = columns[name] if name else key
        form = form_of(column)
        after = None if request.cursor is None else self._cursors.read(request.cursor, request.sort, form)
        descending, dialect = request.sort.startswith("-"), session.get_bind().dialect.name
        page = PageQuery(column, key, after, descending, request.limit + 1, dialect)
        statement = await search_page(session, query, page, search) if search else page.of(query)
        rows = (await session.scalars(statement, page.parameters)).unique().all()
        shown, has_more = rows[: request.limit], len(rows) > request.limit
        total = None
        if request.total:
            all_rows = query.where(or_(*(term.as_range() for term in search))) if search else query
            counted = select(func.count()).select_from(all_rows.order_by(None).subquery())
            total = await session.scalar(counted.options(*criteria_of(query)))
        next_cursor = None
        if has_more:
            last = shown[-1]
            next_cursor = self._cursors.write(request.sort, form, (getattr(last, column.key), getattr(last, key.key)))
        return PageOf(shown, next_cursor, total)


async def _paginator(connection: HTTPConnection) -> Paginator:
    return part_of(connection.app, Paginator)


Pages = Annotated[Paginator, Depends(_paginator)]
"""The paginator, for a route without a service."""
