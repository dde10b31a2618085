"""One page of a search.

No index serves a prefix search that is sorted by another column, and planners misestimate how many rows it finds.
So the rows are counted first, up to `SORT_LIMIT`:

    SELECT (SELECT email_key FROM users WHERE email_key >= 'ab' AND email_key < 'ac'
            ORDER BY email_key LIMIT 1 OFFSET 5000)

Each searched column gives at most one page, and the page of their union is the answer:

    SELECT * FROM users WHERE id IN (
        SELECT id FROM (                       -- few rows begin with it: sort them
            SELECT * FROM (SELECT * FROM users WHERE email_key >= 'ab' AND email_key < 'ac'
                           ORDER BY email_key LIMIT 10000)
            WHERE (created_at, id) > (:page_after_value, :page_after_key) ORDER BY created_at, id LIMIT 21)
        UNION
        SELECT id FROM (                       -- many do: reading in the sort order soon finds a page of them
            SELECT * FROM users WHERE coalesce(nickname_key LIKE 'ab%', false)
            AND (created_at, id) > (:page_after_value, :page_after_key) ORDER BY created_at, id LIMIT 21)
    ) ORDER BY created_at, id LIMIT 21

A column that is both searched and sorted by is one range of its index.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import LoaderCriteriaOption, aliased
from sqlalchemy.sql.util import ClauseAdapter

from shared.paging.page_query import PageQuery
from shared.paging.search import BeginsWith

SORT_LIMIT = 5_000
"""The largest number of rows that a search sorts."""


async def search_page(
    session: AsyncSession, query: Select[Any], page: PageQuery, terms: Sequence[BeginsWith]
) -> Select[Any]:
    """The page of the rows that one of the terms finds."""
    model = page.key.class_
    is_of_one_table = query.get_final_froms() == [model.__table__]
    large = await _large(session, [term for term in terms if term.column is not page.column])
    parts = [page.of(query.where(or_(*(term.as_filter for term in large))))] if large else []
    for term in terms:
        if term.column is page.column:
            parts.append(_range(query, page, term))
        elif term not in large:
            parts.append(_sorted(query, page, term, is_of_one_table=is_of_one_table))
    found = union(*(select(part.subquery().c[page.key.key]) for part in parts)).subquery()
    if is_of_one_table:
        # The parts have applied the conditions. Repeated here, they would make SQLite choose an index for them.
        bare = select(model).options(*query._with_options)  # noqa: SLF001 - no other way to ask
        query = bare.execution_options(**query.get_execution_options())
    return page.from_the_start().of_few(query.where(page.key.in_(select(found))), model)


async def _large(session: AsyncSession, terms: Sequence[BeginsWith]) -> list[BeginsWith]:
    """The terms that find more than `SORT_LIMIT` rows."""
    if not terms:
        return []
    beyond = [
        select(term.column).where(term.as_range()).order_by(term.column).offset(SORT_LIMIT).limit(1).scalar_subquery()
        for term in terms
    ]
    row = (await session.execute(select(*beyond))).one()
    return [term for term, value in zip(terms, row, strict=True) if value is not None]


def _sorted(query: Select[Any], page: PageQuery, term: BeginsWith, *, is_of_one_table: bool) -> Select[Any]:
    """The page of the few rows that begin with the term."""
    model = page.key.class_
    # The LIMIT makes the planner evaluate this subquery first. Doubled, because rows may be inserted meanwhile.
    first = select(model).where(term.as_range()).order_by(term.column).limit(2 * SORT_LIMIT).subquery()
    if not is_of_one_table:
        return page.of_few(query.where(page.key.in_(select(first.c[page.key.key]))), model)
    few = aliased(model, first)
    conditions = [] if query.whereclause is None else [ClauseAdapter(first).traverse(query.whereclause)]
    return page.of_few(select(few).where(*conditions), few)


def _range(query: Select[Any], page: PageQuery, term: BeginsWith) -> Select[Any]:
    """The page of the rows that begin with the term, in the column that is sorted by: one range."""
    if page.after is not None:
        last = page.after[0]
        is_ahead = last < term.prefix
        if page.descending:
            is_ahead = last > term.prefix and not last.startswith(term.prefix)
        if not is_ahead:
            # The page begins within the range or after it. Given two starts, SQLite might take the wrong one.
            return page.of(query.where(term.as_range(start=page.descending, end=not page.descending)))
    return page.from_the_start().of(query.where(term.as_range()))


def criteria_of(query: Select[Any]) -> list[LoaderCriteriaOption]:
    """The `with_loader_criteria` options of a query, for a statement that has it as a part."""
    return [one for one in query._with_options if isinstance(one, LoaderCriteriaOption)]  # noqa: SLF001 - no other way to ask
