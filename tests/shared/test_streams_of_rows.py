"""Rows that are streamed come all, chunk by chunk; and a session that has ended is no good any more."""

import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from sqlalchemy import String, insert, literal, select, true, update
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column

from shared.database import Database

COUNT, LONG = 2_000, 1_000

Kind = Callable[[Database], AbstractAsyncContextManager[AsyncSession]]
both_kinds = pytest.mark.parametrize("opened", [Database.read, Database.transaction])


class Base(DeclarativeBase):
    pass


class Line(Base):
    __tablename__ = "lines"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    said: Mapped[str] = mapped_column(String(50))


OTHER = aliased(Line)
LINES = select(Line).order_by(Line.number).execution_options(yield_per=100)
NUMBERS = select(Line.number).order_by(Line.number).execution_options(yield_per=100)


@pytest.fixture
async def lines(empty_database: str) -> AsyncIterator[Database]:
    """A database with many rows, to which there is one connection."""
    opened = Database(empty_database, pool_size=1)
    async with opened.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(insert(Line), [{"number": number, "said": "x"} for number in range(COUNT)])
    yield opened
    await opened.close()


@both_kinds
async def test_every_row_is_streamed(lines: Database, opened: Kind) -> None:
    async with opened(lines) as session:
        numbers = [number async for number in await session.stream_scalars(NUMBERS)]
        objects = [line.number async for line in await session.stream_scalars(LINES)]
        chunks = [chunk async for chunk in (await session.stream(NUMBERS)).partitions(300)]
        beyond = (await (await session.stream_scalars(NUMBERS.offset(COUNT))).all(),)

    assert numbers == objects == [number for chunk in chunks for (number,) in chunk] == list(range(COUNT))
    assert beyond == ([],)


@both_kinds
async def test_no_more_is_taken_from_the_database_than_is_read(lines: Database, opened: Kind) -> None:
    long = literal("x" * LONG, String(LONG)).label("long")
    query = select(long).select_from(Line).join(OTHER, true()).limit(COUNT * 10).execution_options(yield_per=100)
    other, count = Database(lines.url.render_as_string(hide_password=False)), 0
    async with opened(lines) as session, other.read() as meanwhile:
        tracemalloc.start()
        async for chunk in (await session.stream_scalars(query)).partitions():
            count += len(chunk)
            await meanwhile.scalar(select(Line.number).limit(1))  # time enough for more to arrive
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    await other.close()

    assert count == COUNT * 10
    assert most < count * LONG / 5


@both_kinds
async def test_a_stream_that_is_left_keeps_nothing(lines: Database, opened: Kind) -> None:
    left: Any
    async with opened(lines) as session:
        left = await session.stream_scalars(NUMBERS)
        await anext(left)

    async with lines.transaction() as session:
        await session.execute(update(Line).values(said="y"))
    async with lines.read() as session:
        assert set(await session.scalars(select(Line.said))) == {"y"}
    with pytest.raises((DBAPIError, InvalidRequestError)):
        [number async for number in left]


@both_kinds
async def test_a_statement_beside_a_stream_is_answered_or_refused_and_cuts_nothing_short(
    lines: Database, opened: Kind
) -> None:
    numbers, beside = [], select(Line.said).where(Line.number == 1)
    async with opened(lines) as session:
        async for number in await session.stream_scalars(NUMBERS):
            numbers.append(number)
            if number % 700 == 1 and lines.url.get_backend_name() == "mysql":
                with pytest.raises(InvalidRequestError, match="one question at a time"):
                    await session.scalar(beside)
            elif number % 700 == 1:
                assert await session.scalar(beside) == "x"
        assert await session.scalar(beside) == "x"

    assert numbers == list(range(COUNT))


@both_kinds
async def test_an_ended_session_says_so_and_takes_no_connection(lines: Database, opened: Kind) -> None:
    async with opened(lines) as session:
        pass

    with pytest.raises(InvalidRequestError, match="closed"):
        await session.scalars(LINES)
    with pytest.raises(InvalidRequestError, match="closed"):
        await session.stream(LINES)
    pool: Any = lines.engine.pool
    assert pool.checkedout() == 0
