"""Every list of every module, walked through page by page with the strangest values that its columns can hold."""

import enum
import random
import string
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from shared.assembly.discovery import discover
from shared.container import Runtime
from shared.paging import LONGEST_TEXT, PageOf, Paginator
from shared.paging.cursors import LONGEST_CURSOR
from tests.conftest import UNLIMITED, Account, MakeApp
from tests.fixtures.lists.lists.tables import OddBase, OddRow

# What an odd encoding would make long, take for a sign of its own, or lose.
CHARACTERS = [*"\U0010ffff\ufdfa\u0390\u4e2d\"\\\n\t\x01\x7f%&+=/ -'", "e\u0301", "\ud7ff", "\ue000", "z"]
LEAST, MOST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
ROWS = 12


@pytest.fixture
async def app(make_app: MakeApp) -> Any:
    app = make_app(modules=discover("modules", "tests.fixtures.lists"), auth=UNLIMITED)
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().engine.begin() as connection:
        await connection.run_sync(OddBase.metadata.create_all)
    yield app
    async with runtime.shared.database().engine.begin() as connection:
        await connection.run_sync(OddBase.metadata.drop_all)


class Noting(Paginator):
    """Notes by which column and key a page was cut."""

    column: Any
    key: Any

    async def page(self, session: Any, query: Any, request: Any, **more: Any) -> PageOf[Any]:
        self.column, self.key = more["columns"][request.sort.removeprefix("-")], more["key"]
        return await super().page(session, query, request, **more)


@pytest.fixture
def noting(app: FastAPI) -> Noting:
    runtime: Runtime = app.state.runtime
    noting = Noting(runtime.shared.keys())
    runtime.shared.paginator.override(providers.Object(noting))
    return noting


def lists_of(app: FastAPI) -> Iterator[tuple[str, list[str]]]:
    """The path of each list, and what it can be sorted by."""
    document = app.openapi()
    for path, operations in document["paths"].items():
        parameters = {one["name"]: one["schema"] for one in operations.get("get", {}).get("parameters", ())}
        if "cursor" in parameters:
            sort = parameters["sort"]
            sort = document["components"]["schemas"][sort["$ref"].rpartition("/")[2]] if "$ref" in sort else sort
            yield path, list(sort["enum"])


def text_of(length: int, chance: random.Random) -> str:
    """As long as can be, of one character; or of any length and characters."""
    if chance.random() < 0.7:
        return str(chance.choice(CHARACTERS)[0]) * length
    return "".join(chance.choices("".join(CHARACTERS), k=chance.randint(0, length)))


def value_of(column: Any, chance: random.Random) -> Any:
    """A value at an edge of what the column holds."""
    type_ = column.type.python_type
    if issubclass(type_, enum.Enum):
        return chance.choice(list(type_))
    days = chance.choice([0, 1, 738_000, (MOST - LEAST).days])
    edges: Mapping[type, Any] = {
        bool: chance.random() < 0.5,
        int: chance.choice([-(2**31), -1, 0, 1, 2**31 - 1]),
        float: chance.choice([-1e308, -0.1, 0.0, 5e-324 if chance.random() < 0.5 else 1e-7, 0.1, 1 / 3, 1e308]),
        datetime: chance.choice([LEAST, MOST, LEAST + timedelta(days=days, microseconds=chance.randint(0, 10**6))]),
        date: (LEAST + timedelta(days=days)).date(),
        time: chance.choice([time(), time(12, 30), time(23, 59, 59)]),
        UUID: uuid7(),
        bytes: chance.choice([b"", b"\x00", b"\xff" * 64, b"a\n"]),
    }
    if type_ is Decimal:
        most, places = 10 ** (column.type.precision - 1) - 1, column.type.scale
        return Decimal(chance.choice([-most, 0, 1, most // 7, most])).scaleb(-places)
    # What is left is JSON.
    return text_of(column.type.length, chance) if type_ is str else edges.get(type_, {})


def can_be_filled(table: Any) -> bool:
    """Whether its rows need no others but users: what those would have to look like, only its module knows."""
    needed = [column for column in table.columns if column.foreign_keys and not column.nullable]
    return all(key.target_fullname == "users.id" for column in needed for key in column.foreign_keys)


def rows_for(table: Any, sorted_by: str, chance: random.Random, user_id: UUID) -> Iterator[dict[str, Any]]:
    seen: set[Any] = set()
    for _ in range(ROWS):
        row = {
            column.name: value_of(column, chance)
            for column in table.columns
            if column.name == sorted_by or not column.nullable
        }
        for column in table.columns:
            if column.name in row and (column.unique or column.primary_key) and column.name != sorted_by:
                is_text = column.type.python_type is str
                row[column.name] = "".join(chance.choices(string.ascii_letters, k=20)) if is_text else uuid7()
        row |= {name: user_id for name in row if table.columns[name].foreign_keys and name != sorted_by}
        value = row[sorted_by]
        if table.columns[sorted_by].unique:
            # MariaDB takes texts for the same that differ in blanks at their end.
            if value.rstrip(" ") in seen:
                continue
            seen.add(value.rstrip(" "))
        yield row


@pytest.mark.module_rules
@pytest.mark.parametrize("seed", [1, 2])
async def test_every_cursor_is_taken_back_and_every_row_comes_once(
    app: FastAPI, noting: Noting, client: httpx.AsyncClient, admin: Account, seed: int
) -> None:
    runtime: Runtime = app.state.runtime
    chance = random.Random(seed)  # noqa: S311 - the same again each time
    walked = dict(lists_of(app))
    assert walked.keys() >= {"/api/users", "/api/auth/audit", "/api/lists"}

    for path, sorts in walked.items():
        for sort in sorts:
            (await client.get(path, params={"sort": sort}, headers=admin.headers)).raise_for_status()
            column, key = noting.column, noting.key
            table = key.class_.__table__
            assert not table.columns[column.key].nullable, f"{path}: {sort} would leave out the rows without a value"
            if not can_be_filled(table):
                continue
            async with runtime.shared.database().transaction() as session:
                for row in rows_for(table, column.key, chance, UUID(admin.id)):
                    await session.execute(insert(table).values(row))
            everything = await walk(client, path, admin, sort=sort, limit=100)
            assert len(everything) >= ROWS // 2
            one_by_one = await walk(client, path, admin, sort=sort, limit=3)
            assert one_by_one == everything, f"{path}: {sort}"
            assert len(set(everything)) == len(everything)
            async with runtime.shared.database().transaction() as session:
                kept = [admin.id] if path == "/api/users" else []
                await session.execute(table.delete().where(key.not_in([UUID(one) for one in kept])))


async def walk(client: httpx.AsyncClient, path: str, admin: Account, **params: Any) -> list[str]:
    found: list[str] = []
    for _ in range(100):
        answer = await client.get(path, params=params, headers=admin.headers)
        assert answer.status_code == 200, f"{path} {params}: {answer.text}"
        page = answer.json()["data"]
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        assert len(page["next_cursor"]) <= LONGEST_CURSOR
        params["cursor"] = page["next_cursor"]
    raise AssertionError(f"{path} {params} has no end")


async def test_the_longest_text_makes_the_longest_cursor(app: FastAPI, client: httpx.AsyncClient) -> None:
    runtime: Runtime = app.state.runtime
    chance = random.Random(0)  # noqa: S311 - the same again each time
    async with runtime.shared.database().transaction() as session:
        for row in list(rows_for(OddRow.__table__, "number", chance, UUID(int=0)))[:3]:
            longest: dict[str, Any] = {"text": "\U0010ffff" * LONGEST_TEXT, "title": "\U0001f600" * 255}
            await session.execute(insert(OddRow).values(row | longest))

    for sort in ("text", "-text", "title", "-title"):
        found: list[str] = []
        params: dict[str, Any] = {"sort": sort, "limit": 1}
        for _ in range(3):
            page = (await client.get("/api/lists", params=params)).json()["data"]
            found += [item["id"] for item in page["items"]]
            params["cursor"] = page["next_cursor"]
        assert len(set(found)) == 3
        assert params["cursor"] is None
