"""What a database refuses: which constraint it was, and what a client and the log are told of it, on every database."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, String, Table, Uuid, delete, insert, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from modules.users import User
from shared.container import Runtime
from shared.database import Base, failing_as
from shared.database.constraints import breaks_constraint, constraint_of
from shared.paging import search_key
from shared.testing.envelope import assert_failure, input_errors
from tests.conftest import Account, MakeApp
from tests.shared.packages import MakeModules, declaration

ROUTER = """
from typing import Any
from fastapi import APIRouter, Request
from sqlalchemy import insert
from sqlalchemy.orm.exc import StaleDataError
from shared.access import Public
from shared.database import Session
from shared.database import Base
from shared.http import ApiResponse, success
from shared.http import RequestBody, ResponseData, parse_body

router = APIRouter()
OPEN = [Public("for the tests")]

class Event(RequestBody):
    number: int
    title: str = ""

class Stored(ResponseData):
    number: int

@router.post("/orders", dependencies=OPEN)
async def add_order(request: Request, session: Session) -> ApiResponse[None]:
    await session.execute(insert(Base.metadata.tables["orders"]).values(**(await request.json())))
    return success(None)

@router.post("/stale", dependencies=OPEN)
async def lose_race() -> ApiResponse[None]:
    raise StaleDataError("UPDATE statement on table 'orders' expected to update 1 row(s); 0 were matched.")

@router.post("/hook", dependencies=OPEN)
async def take_hook(request: Request) -> ApiResponse[int]:
    return success(Event.model_validate_json(await request.body()).number)

@router.post("/parsed", dependencies=OPEN)
async def parse_hook(request: Request) -> ApiResponse[int]:
    return success(sum(one.number for one in parse_body(list[Event], await request.body())))

@router.post("/ours", dependencies=OPEN)
async def misread_row(request: Request) -> ApiResponse[int]:
    return success(Stored.model_validate(await request.json()).number)
"""


@pytest.fixture
def orders(database: str) -> Iterator[Table]:
    """A table that refers to the users of another module, known for the time of a test, not when that is cleared up."""
    table = Table(
        "orders",
        Base.metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("user_id", Uuid, ForeignKey("users.id")),
        Column("code", String(10), unique=True),
        Column("name", search_key(10), nullable=False, server_default=""),
        CheckConstraint("id < 1000", name="small"),
    )
    yield table
    Base.metadata.remove(table)


@pytest.fixture
async def app(orders: Table, make_app: MakeApp, make_modules: MakeModules) -> AsyncIterator[FastAPI]:
    app = make_app(
        modules=make_modules({"shop/module.py": declaration(), "shop/router.py": ROUTER}, besides=("modules",))
    )
    engine: AsyncEngine = app.state.runtime.shared.database().engine
    async with engine.begin() as connection:
        await connection.run_sync(orders.create)
    yield app
    async with engine.begin() as connection:
        await connection.run_sync(orders.drop)


async def test_a_constraint_has_its_name_on_every_database(app: FastAPI, orders: Table, user: Account) -> None:
    runtime: Runtime = app.state.runtime
    database = runtime.shared.database()
    good: dict[str, Any] = {"id": 1, "user_id": UUID(user.id), "code": "for key"}
    async with database.transaction() as session:
        await session.execute(insert(orders).values(good))
    broken: list[tuple[Any, str]] = [
        (insert(orders).values(good | {"code": "b"}), "pk_orders"),
        (insert(orders).values(good | {"id": 2}), "uq_orders_code"),
        (insert(orders).values(good | {"id": 2, "code": "b", "user_id": uuid4()}), "fk_orders_user_id_users"),
        (update(orders).values(user_id=uuid4()), "fk_orders_user_id_users"),
        (insert(orders).values(good | {"id": 2000, "code": "c"}), "ck_orders_small"),
        (delete(User).where(User.id == good["user_id"]), "fk_orders_user_id_users"),
    ]

    for statement, name in broken:
        with pytest.raises(DBAPIError) as caught:
            async with database.transaction() as session:
                await session.execute(statement)
        assert constraint_of(caught.value) == name
        assert breaks_constraint(caught.value)
        with pytest.raises(LookupError), failing_as({"another": KeyError, name: LookupError}):
            raise caught.value
        with pytest.raises(DBAPIError), failing_as({"another": LookupError}):
            raise caught.value
    with pytest.raises(DBAPIError) as caught:
        async with database.transaction() as session:
            await session.execute(update(orders).values(name=None))
    assert not breaks_constraint(caught.value)


async def test_who_is_referred_to_cannot_be_deleted_and_the_log_tells_by_what(
    client: httpx.AsyncClient, app: FastAPI, user: Account, admin: Account, caplog: pytest.LogCaptureFixture
) -> None:
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        await session.execute(insert(Base.metadata.tables["orders"]).values(id=1, user_id=UUID(user.id)))

    answer = await client.delete(f"/api/users/{user.id}", headers=admin.headers)

    assert_failure(answer, 409, "conflict")
    assert "'constraint': 'fk_orders_user_id_users'" in caplog.text
    assert_failure(await client.get(f"/api/users/{uuid4()}", headers=admin.headers), 404, "user_not_found")
    assert (await client.get(f"/api/users/{user.id}", headers=admin.headers)).status_code == 200


async def test_a_broken_rule_is_a_conflict_and_a_missing_value_is_our_fault(client: httpx.AsyncClient) -> None:
    async def add(**values: Any) -> httpx.Response:
        return await client.post("/api/shop/orders", json=values)

    assert (await add(id=1, code="a")).status_code == 200
    for values in ({"id": 1}, {"id": 2, "code": "a"}, {"id": 1000}):
        assert_failure(await add(**values), 409, "conflict")
    assert_failure(await add(id=3, name=None), 500, "internal_error")
    assert_failure(await client.post("/api/shop/stale"), 409, "conflict")


async def test_a_value_that_has_no_place_in_the_database_is_the_callers(
    client: httpx.AsyncClient, backend: str
) -> None:
    numbers, texts = [2**63, -(2**70)], ["\ud800"]
    if backend != "sqlite":  # it has no bounds of its own
        numbers, texts = [*numbers, 2**31, -(2**31) - 1], [*texts, "x" * 11]
    if backend == "postgresql":
        texts.append("a\0")

    for number in numbers:
        answer = await client.post("/api/shop/orders", json={"id": number})
        assert input_errors(answer) == [((), "not_storable")], number
    for text in texts:
        body = json.dumps({"id": 1, "code": text})
        answer = await client.post("/api/shop/orders", content=body, headers={"Content-Type": "application/json"})
        if not (backend == "mysql" and text == "\ud800"):  # its driver tells nothing of the kind
            assert input_errors(answer) == [((), "not_storable")], repr(text)


async def test_what_a_route_reads_by_itself_is_refused_like_any_body(client: httpx.AsyncClient) -> None:
    async def send(path: str, content: str) -> httpx.Response:
        return await client.post(f"/api/shop/{path}", content=content)

    assert (await send("hook", '{"number": 1}')).json()["data"] == 1
    assert (await send("parsed", '[{"number": 1}, {"number": 2}]')).json()["data"] == 3
    assert input_errors(await send("hook", "{}")) == [(("body", "number"), "missing")]
    assert input_errors(await send("hook", '{"number": 1, "more": 2}')) == [(("body", "more"), "extra_forbidden")]
    assert input_errors(await send("parsed", '[{"number": "x"}]')) == [(("body", 0, "number"), "int_type")]
    for path in ("hook", "parsed"):
        for nonsense in ("", "not json", "{", "[" * 5_000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
            assert_failure(await send(path, nonsense), 400, "bad_request")
    assert_failure(await send("ours", "{}"), 500, "internal_error")
