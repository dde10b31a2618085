"""One page as a query: the rows after the last one of the previous page, in order, along an index."""

import operator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    BinaryExpression,
    BooleanClauseList,
    ColumnElement,
    Select,
    UnaryExpression,
    and_,
    bindparam,
    or_,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.operators import custom_op

from shared.paging.cursors import Position

# The last row of the previous page: its value in the sort column, and its key.
CURSOR_PARAMETERS = ("page_after_value", "page_after_key")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Sorts a select, and cuts the rows of one page out of it."""

    column: InstrumentedAttribute[Any]
    key: InstrumentedAttribute[UUID]
    after: Position | None
    descending: bool
    rows: int
    dialect: str

    def of(self, query: Select[Any]) -> Select[Any]:
        """The page, read along the index of the sort order.

        SELECT ... WHERE (column, key) > (:page_after_value, :page_after_key) ORDER BY column, key LIMIT :rows
        """
        model = self.key.class_
        columns = [getattr(model, name) for name in self._names]
        query = _along_the_index(query, model, self._names)
        if self.after is not None:
            query = query.where(_is_behind_in_table(tuple(columns), descending=self.descending, dialect=self.dialect))
        return self._in_order(query, columns)

    def of_few(self, query: Select[Any], entity: Any) -> Select[Any]:
        """The page of a query that finds few rows, which are sorted. `entity` is the model or alias it selects."""
        columns: list[Any] = [getattr(entity, name) for name in self._names]
        if self.after is not None:
            is_behind = _is_behind_in_table if entity is self.key.class_ else _is_behind
            query = query.where(is_behind(tuple(columns), descending=self.descending, dialect=self.dialect))
        if self.dialect == "sqlite":  # a unary plus keeps SQLite from reading along the index of the sort order
            columns = [UnaryExpression(one, operator=custom_op("+"), type_=one.type) for one in columns]
        return self._in_order(query, columns)

    def from_the_start(self) -> Self:
        """The same page, for a query that already begins after the previous page."""
        return replace(self, after=None)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of `CURSOR_PARAMETERS`."""
        return {} if self.after is None else dict(zip(CURSOR_PARAMETERS, self.after, strict=True))

    @property
    def _names(self) -> list[str]:
        # The key decides between equal values. A unique column has none, and MariaDB would sort the whole table for
        # the key.
        names = [self.column.key, self.key.key]
        is_unique = self.column is self.key or self.column.property.columns[0].unique
        return names[:1] if is_unique else names

    def _in_order(self, query: Select[Any], columns: list[Any]) -> Select[Any]:
        return query.order_by(*(one.desc() if self.descending else one.asc() for one in columns)).limit(self.rows)


def _is_behind(columns: tuple[Any, ...], *, descending: bool, dialect: str) -> ColumnElement[bool]:
    is_past = operator.lt if descending else operator.gt
    last = [bindparam(name, type_=column.type) for name, column in zip(CURSOR_PARAMETERS, columns, strict=False)]
    past: ColumnElement[bool]
    if len(columns) == 1:
        past = is_past(columns[0], last[0])
    elif dialect == "mysql":
        # MariaDB uses an index only for this form, and the others only for the comparison of whole rows.
        column, key = columns
        past = or_(is_past(column, last[0]), and_(column == last[0], is_past(key, last[1])))
    else:
        past = is_past(tuple_(*columns), tuple_(*last))
    return past


# Cached: building the condition takes longer than finding the rows.
_is_behind_in_table = cache(_is_behind)


def _along_the_index(query: Select[Any], model: Any, names: list[str]) -> Select[Any]:
    """Make MariaDB read along the index on the columns compared with `=`, then the sort column, then the key.

    By itself it finds all rows that are equal, and then skips those before the page one by one.
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
