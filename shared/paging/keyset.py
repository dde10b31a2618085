"""Keyset paging: a page costs the same however deep it lies, and no row is skipped or shown twice."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import (
    BinaryExpression,
    BooleanClauseList,
    ColumnElement,
    Select,
    UnaryExpression,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, LoaderCriteriaOption, aliased
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.util import ClauseAdapter

from shared.http.bodies import ResponseData
from shared.keys import KeyRing
from shared.paging.cursors import LONGEST_CURSOR, Cursors, Position, form_of
from shared.paging.search import BeginsWith

T = TypeVar("T")
R = TypeVar("R")

MAXIMUM_LIMIT = 100
# A search sorts up to so many rows.
FEW = 5_000
# The parameters that say where the page before ended: the value of the sort column, and the key.
LAST = ("page_after_value", "page_after_key")


def _refuse_odd_spellings(value: object) -> object:
    # pydantic would take "1_0" and "+1" and "1.0" for numbers.
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdigit()):
        raise PydanticCustomError("int_parsing", "This is not a whole number.")
    return value


Limit = Annotated[
    int,
    Query(ge=1, le=MAXIMUM_LIMIT, description="How many items a page holds at most."),
    BeforeValidator(_refuse_odd_spellings),
]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before; opaque.")
]
WithTotal = Annotated[bool, Query(description="Also count all items; costs a scan.")]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What the client asked for. `sort` is a column of the allow-list, with `-` in front for descending."""

    sort: str
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

    items: list[T] = Field(description="What is on this page.")
    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page; null on the last one.", examples=["WyJhIl0.c2lnbmVk"]
    )
    total: int | None = Field(
        default=None,
        exclude_if=lambda total: total is None,
        description="How many items all pages have; only there when asked for.",
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


class Paginator:
    """Cuts pages out of a select. Cursors are signed: nobody can make one that the service did not hand out."""

    def __init__(self, keys: KeyRing) -> None:
        self._cursors = Cursors(keys)

    async def page(  # noqa: PLR0913 - what is asked for, of what, and what may be asked for
        self,
        session: AsyncSession,
        query: Select[R],
        request: PageRequest,
        *,
        columns: Mapping[str, InstrumentedAttribute[Any]],
        key: InstrumentedAttribute[UUID],
        search: Sequence[BeginsWith] = (),
    ) -> PageOf[R]:
        """Fetch one page.

        It is found by an index if there is one on what the query compares with `=`, then the sort column, then the key.

        Args:
            columns: The columns that may be sorted by, by their public names; none of them nullable, and text only
                with a length.
            key: The unique column that decides between equal values.
            search: Leave out the rows that none of these find.

        Raises:
            ValidationFailed: The cursor was not made by this service, or for another sort order.
        """
        column = columns[request.sort.removeprefix("-")]
        form = form_of(column)
        after = None if request.cursor is None else self._cursors.read(request.cursor, request.sort, form)
        descending, dialect = request.sort.startswith("-"), session.get_bind().dialect.name
        cut = _Cut(column, key, after, descending, request.limit + 1, dialect)
        statement = await _find(session, query, cut, search) if search else cut(query)
        rows = (await session.scalars(statement, cut.parameters)).unique().all()
        shown, has_more = rows[: request.limit], len(rows) > request.limit
        total = None
        if request.total:
            all_rows = query.where(or_(*(one.looked_up() for one in search))) if search else query
            counted = select(func.count()).select_from(all_rows.order_by(None).subquery())
            total = await session.scalar(counted.options(*_criteria(query)))
        next_cursor = None
        if has_more:
            last = shown[-1]
            next_cursor = self._cursors.write(request.sort, form, (getattr(last, column.key), getattr(last, key.key)))
        return PageOf(shown, next_cursor, total)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Cuts one page out of a select: sorts it, begins behind a row, ends after some."""

    column: InstrumentedAttribute[Any]
    key: InstrumentedAttribute[UUID]
    after: Position | None
    descending: bool
    rows: int
    dialect: str

    def __call__(self, query: Select[Any], entity: Any = None) -> Select[Any]:
        """`entity` is what the query selects where few rows are sorted; without it, an index is walked along."""
        names = [self.column.key, self.key.key]
        if self.column.property.columns[0].unique:
            del names[1]  # decides between none; and MariaDB would sort the table for it
        is_walk = entity is None
        if is_walk:
            query, entity = _along_the_index(query, self.key.class_, names), self.key.class_
        columns: list[Any] = [getattr(entity, name) for name in names]
        if self.after is not None:
            is_behind = _is_behind_in_table if entity is self.key.class_ else _is_behind
            query = query.where(is_behind(tuple(columns), descending=self.descending, dialect=self.dialect))
        if not is_walk and self.dialect == "sqlite":  # else it walks all the same
            columns = [UnaryExpression(one, operator=custom_op("+"), type_=one.type) for one in columns]
        return query.order_by(*(one.desc() if self.descending else one.asc() for one in columns)).limit(self.rows)

    @property
    def parameters(self) -> dict[str, Any]:
        """What `_is_behind` compares with."""
        return {} if self.after is None else dict(zip(LAST, self.after, strict=True))


def _is_behind(columns: tuple[Any, ...], *, descending: bool, dialect: str) -> ColumnElement[bool]:
    is_past = operator.lt if descending else operator.gt
    last = [bindparam(name, type_=column.type) for name, column in zip(LAST, columns, strict=False)]
    past: ColumnElement[bool]
    if len(columns) == 1:
        past = is_past(columns[0], last[0])
    elif dialect == "mysql":
        # Spelt out: MariaDB does not use an index for a comparison of whole rows, and the others only for that.
        column, key = columns
        past = or_(is_past(column, last[0]), and_(column == last[0], is_past(key, last[1])))
    else:
        past = is_past(tuple_(*columns), tuple_(*last))
    return past


# To put it together takes longer than to find the rows.
_is_behind_in_table = cache(_is_behind)


def _along_the_index(query: Select[Any], model: Any, names: list[str]) -> Select[Any]:
    """Make MariaDB walk along the index that is meant for the query.

    By itself it looks up what is compared with `=` and then skips, one by one, all rows in front of the page.
    """
    where = query.whereclause
    conditions = where.clauses if isinstance(where, BooleanClauseList) else [where]
    comparisons = [one for one in conditions if isinstance(one, BinaryExpression) and one.operator is operator.eq]
    compared = {getattr(one.left, "name", None) for one in comparisons}
    for index in model.__table__.indexes:
        indexed = index.columns.keys()
        if indexed[-len(names) :] == names and set(indexed[: -len(names)]) == compared:
            return query.with_hint(model, f"FORCE INDEX ({index.name})", "mysql")
    return query


def _criteria(query: Select[Any]) -> list[LoaderCriteriaOption]:
    """Which rows the query is about, as far as its options say so; for a statement that has it as a part."""
    return [one for one in query._with_options if isinstance(one, LoaderCriteriaOption)]  # noqa: SLF001 - no other way to ask


async def _find(session: AsyncSession, query: Select[Any], cut: _Cut, search: Sequence[BeginsWith]) -> Select[Any]:
    """The page of those that a search finds.

    No index gives what begins alike sorted by something else, and databases guess badly at how much that is. So it is
    counted, up to a limit: a few rows are sorted; of many rows some come soon in any order, so that order is walked
    along. Each part is cut to a page before they are put together.
    """
    model = cut.key.class_
    is_of_one_table = query.get_final_froms() == [model.__table__]
    elsewhere = [one for one in search if one.column is not cut.column]
    more = [
        select(one.column).where(one.looked_up()).order_by(one.column).offset(FEW).limit(1).scalar_subquery()
        for one in elsewhere
    ]
    row = (await session.execute(select(*more))).one() if more else ()
    many = [one for one, beyond in zip(elsewhere, row, strict=True) if beyond is not None]
    parts = [cut(query.where(or_(*(one.checked for one in many))))] if many else []
    for one in search:
        if one.column is cut.column:
            parts.append(_in_order(query, cut, one))
        elif one not in many:
            # With an end of its own the database does it first; twice as far, as others may be adding to it.
            first = select(model).where(one.looked_up()).order_by(one.column).limit(2 * FEW).subquery()
            if not is_of_one_table:
                parts.append(cut(query.where(cut.key.in_(select(first.c[cut.key.key]))), model))
                continue
            few = aliased(model, first)
            conditions = [] if query.whereclause is None else [ClauseAdapter(first).traverse(query.whereclause)]
            parts.append(cut(select(few).where(*conditions), few))
    found = union(*(select(part.subquery().c[cut.key.key]) for part in parts)).subquery()
    if is_of_one_table:  # what it compares has been compared; once more, and SQLite would walk along an index for it
        bare = select(model).options(*query._with_options)  # noqa: SLF001 - no other way to ask
        query = bare.execution_options(**query.get_execution_options())
    return replace(cut, after=None)(query.where(cut.key.in_(select(found))), model)


def _in_order(query: Select[Any], cut: _Cut, search: BeginsWith) -> Select[Any]:
    """What a search finds in the column that is sorted by: one range."""
    if cut.after is not None:
        last = cut.after[0]
        is_ahead = last < search.prefix
        if cut.descending:
            is_ahead = last > search.prefix and not last.startswith(search.prefix)
        if not is_ahead:
            # The page begins within the range, or behind it. Of two places to start from, SQLite might take the other.
            return cut(query.where(search.looked_up(start=cut.descending, end=not cut.descending)))
    return replace(cut, after=None)(query.where(search.looked_up()))
