"""Keyset paging: a page costs the same however deep it lies, and no row is skipped or shown twice."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shared.errors import ValidationFailed
from shared.keys import KeyRing
from shared.text import ResponseData

T = TypeVar("T")
R = TypeVar("R")

PURPOSE = "cursor"
MAXIMUM_LIMIT = 100


def _refuse_odd_spellings(value: object) -> object:
    # pydantic would take "1_0" and "+1" and "1.0" for numbers.
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdigit()):
        raise ValueError("is not a whole number")
    return value


Limit = Annotated[
    int,
    Query(ge=1, le=MAXIMUM_LIMIT, description="How many items a page holds."),
    BeforeValidator(_refuse_odd_spellings),
]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before; opaque.")]
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
    """One page. `next_cursor` is null on the last one; `total` is only there when asked for."""

    items: list[T]
    next_cursor: str | None
    total: int | None = Field(default=None, exclude_if=lambda total: total is None)

    @classmethod
    def of(cls, page: PageOf[Any]) -> Self:
        """The response for a page of rows: each item is read from its row by attributes."""
        return cls.model_validate({"items": page.rows, "next_cursor": page.next_cursor, "total": page.total})


class Paginator:
    """Cuts pages out of a select. Cursors are signed: nobody can make one that the service did not hand out."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def page(
        self,
        session: AsyncSession,
        query: Select[R],
        request: PageRequest,
        *,
        columns: Mapping[str, InstrumentedAttribute[Any]],
        key: InstrumentedAttribute[UUID],
    ) -> PageOf[R]:
        """Fetch one page.

        Args:
            columns: The columns that may be sorted by, by their public names; none of them nullable.
            key: The unique column that decides between equal values.

        Raises:
            ValidationFailed: The cursor was not made by this service, or for another sort order.
        """
        descending, column = request.sort.startswith("-"), columns[request.sort.removeprefix("-")]
        page = query
        if request.cursor is not None:
            value, last_id = self._read(request.cursor, request.sort, column)
            # Spelt out: MariaDB does not use an index for a comparison of whole rows.
            if descending:
                page = page.where(column <= value, or_(column < value, key < last_id))
            else:
                page = page.where(column >= value, or_(column > value, key > last_id))
        order: list[ColumnElement[Any]] = [column.desc(), key.desc()] if descending else [column.asc(), key.asc()]
        rows = (await session.scalars(page.order_by(*order).limit(request.limit + 1))).all()
        shown, has_more = rows[: request.limit], len(rows) > request.limit
        total = None
        if request.total:
            total = await session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
        next_cursor = self._write(request.sort, column, key, shown[-1]) if has_more else None
        return PageOf(shown, next_cursor, total)

    def _write(self, sort: str, column: InstrumentedAttribute[Any], key: InstrumentedAttribute[UUID], row: Any) -> str:
        value = getattr(row, column.key)
        value = value.isoformat() if isinstance(value, datetime) else value
        content = json.dumps([sort, value, str(getattr(row, key.key))], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._keys.sign(PURPOSE, content) + content).decode().rstrip("=")

    def _read(self, cursor: str, sort: str, column: InstrumentedAttribute[Any]) -> tuple[Any, UUID]:
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            signature, content = raw[:32], raw[32:]
            if self._keys.verify(PURPOSE, content, signature):
                made_for, value, last_id = json.loads(content)
                if made_for == sort:
                    return TypeAdapter(column.type.python_type).validate_python(value), UUID(last_id)
        except (binascii.Error, ValueError, ValidationError):
            pass
        raise ValidationFailed.at("query", "cursor", type_="cursor_invalid", msg="The cursor is not valid here.")
