"""A decision holds when it is used: a request that waited for its body, or a lock, has the rights of then."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, event
from sqlalchemy import select as sql

from modules.auth.locks import lock_roles
from modules.auth.models import ADMIN, UserRole
from modules.users import User
from shared.container import Runtime
from shared.database import Database
from shared.testing.envelope import assert_failure, data_of
from tests.api.asgi import Answer, bearer, parked
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, log_in, sign_up
from tests.security.operations import Operation, operations_of
from tests.shared.packages import MakeModules, declaration, make_modules  # noqa: F401 - a fixture

WATCHED = ("auth_roles", "auth_user_roles", "auth_credentials", "users")

# Whoever checked the permissions when the head arrived, and kept them, would answer True.
SHELF = """
from fastapi import APIRouter, Request
from shared.access import Authenticated, Caller
from shared.database import Session
from shared.http import ApiResponse, success
from shared.http import RequestBody

class Wish(RequestBody):
    name: str

router = APIRouter(dependencies=[Authenticated()])

@router.post("")
async def wish_for_it(caller: Caller, data: Wish, session: Session) -> ApiResponse[bool]:
    return success(caller.can(data.name))

@router.post("/later")
async def write_later(request: Request) -> ApiResponse[bool]:
    shared, state = request.app.state.runtime.shared, request.app.state

    async def write() -> None:
        await state.may_go_on.wait()
        async with shared.database().transaction():
            state.has_written.set()

    shared.background().run(write())
    return success(True)
"""


@pytest.fixture
async def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED)


@pytest.fixture
def db(app: FastAPI) -> Database:
    runtime: Runtime = app.state.runtime
    database: Database = runtime.shared.database()
    return database


def operations_with_a_body(app: FastAPI) -> list[Operation]:
    return [one for one in operations_of(app) if one.body and not one.is_public and one.id != "logout_user"]


async def ask(
    app: FastAPI, account: Account, target: str, body: object, *, meanwhile: Callable[[], Awaitable[object]]
) -> Answer:
    """`target` is the method and the path."""
    method, path = target.split()
    token = bearer(account.tokens["access_token"])
    return await parked(app, method, path, json.dumps(body).encode(), token, meanwhile=meanwhile)


async def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    async with database.read() as session:
        tables = User.metadata.tables
        return {
            name: sorted((tuple(row) for row in await session.execute(sql(tables[name]))), key=repr) for name in WATCHED
        }


async def promote(app: FastAPI, client: httpx.AsyncClient, admin: Account) -> Account:
    """Another administrator."""
    account = await sign_up(client)
    wanted = {"roles": ["user", "admin"]}
    data_of(await client.put(f"/api/auth/users/{account.id}/roles", headers=admin.headers, json=wanted))
    return account


@pytest.mark.module_rules
async def test_item_44_no_parked_request_outlives_its_session(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, db: Database
) -> None:
    other = await sign_up(client)
    operations = operations_with_a_body(app)
    assert {"PUT", "POST", "PATCH"} <= {one.method for one in operations}

    for operation in operations:
        admin.tokens = await log_in(client, admin.email, admin.password)
        headers, before = admin.headers, await contents(db)

        async def log_out(headers: dict[str, str] = headers) -> None:
            data_of(await client.post("/api/auth/logout", headers=headers))

        target = f"{operation.method} {operation.url(user_id=other.id, name='editor')}"
        answer = await ask(app, admin, target, operation.sample(), meanwhile=log_out)

        assert (answer.status, answer.code) == (401, "not_authenticated"), operation
        assert await contents(db) == before, operation


@pytest.mark.parametrize("way", ["demote", "deactivate", "delete"])
async def test_item_54_an_administrator_who_is_none_any_more_makes_no_other(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, way: str
) -> None:
    parking, accomplice = await promote(app, client, admin), await sign_up(client)
    url = f"/api/users/{parking.id}"

    async def remove() -> None:
        match way:
            case "demote":
                wanted = {"roles": ["user"]}
                answer = await client.put(f"/api/auth/users/{parking.id}/roles", headers=admin.headers, json=wanted)
            case "deactivate":
                answer = await client.post(f"{url}/deactivate", headers=admin.headers)
            case _:
                answer = await client.delete(url, headers=admin.headers)
        data_of(answer)

    body = {"roles": ["user", "admin"]}
    answer = await ask(app, parking, f"PUT /api/auth/users/{accomplice.id}/roles", body, meanwhile=remove)

    assert answer.status == (403 if way == "demote" else 401)
    assert_failure(await client.get("/api/users", headers=accomplice.headers), 403, "permission_denied")


async def test_a_password_that_has_to_be_changed_meanwhile_stops_the_request(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, db: Database
) -> None:
    parking = await promote(app, client, admin)

    async def demand_another() -> None:
        credentials = User.metadata.tables["auth_credentials"]
        async with db.transaction() as session:
            await session.execute(credentials.update().values(must_change=True))

    answer = await ask(app, parking, "POST /api/users", {"email": "new@example.com"}, meanwhile=demand_another)

    assert (answer.status, answer.code) == (403, "password_change_required")


async def test_item_54_a_modules_own_check_sees_the_rights_of_the_moment(
    make_app: MakeApp,
    make_modules: MakeModules,  # noqa: F811 - the fixture
) -> None:
    files = {"shelf/module.py": declaration(), "shelf/router.py": SHELF}
    app = make_app(auth=UNLIMITED, modules=make_modules(files, besides=("modules",)))
    database: Database = app.state.runtime.shared.database()
    async with client_of(app) as client:
        account = await sign_up(client)

        async def give() -> None:
            async with database.transaction() as session:
                session.add(UserRole(user_id=account_id(account), role_name=ADMIN))

        async def take() -> None:
            async with database.transaction() as session:
                await session.execute(delete(UserRole).where(UserRole.role_name == ADMIN))

        for meanwhile, expected in ((give, True), (take, False)):
            answer = await ask(app, account, "POST /api/shelf", {"name": "users:user.read"}, meanwhile=meanwhile)
            assert json.loads(answer.body)["data"] is expected


async def test_item_54_a_request_that_waited_for_the_roles_has_the_rights_of_after(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, db: Database, backend: str
) -> None:
    if backend == "sqlite":
        pytest.skip("a transaction of SQLite waits before it begins: there is nothing between the check and the lock")
    waiting, accomplice = await promote(app, client, admin), await sign_up(client)
    arrived = asyncio.Event()

    async with db.transaction() as session:
        await lock_roles(session)
        await session.execute(delete(UserRole).where(UserRole.user_id == account_id(waiting)))
        event.listen(db.engine.sync_engine, "before_cursor_execute", _announce(arrived))
        asked = asyncio.create_task(
            client.put(
                f"/api/auth/users/{accomplice.id}/roles", headers=waiting.headers, json={"roles": ["user", "admin"]}
            )
        )
        await arrived.wait()

    assert_failure(await asked, 403, "permission_denied")


async def test_what_a_request_leaves_behind_goes_on_after_the_logout(
    make_app: MakeApp,
    make_modules: MakeModules,  # noqa: F811 - the fixture
) -> None:
    files = {"shelf/module.py": declaration(), "shelf/router.py": SHELF}
    app = make_app(auth=UNLIMITED, modules=make_modules(files, besides=("modules",)))
    app.state.may_go_on, app.state.has_written = asyncio.Event(), asyncio.Event()
    async with client_of(app) as client:
        account = await sign_up(client)
        data_of(await client.post("/api/shelf/later", headers=account.headers))
        data_of(await client.post("/api/auth/logout", headers=account.headers))

    app.state.may_go_on.set()
    await app.state.runtime.shared.background().close()
    assert app.state.has_written.is_set()


def account_id(account: Account) -> UUID:
    return UUID(account.id)


def _announce(arrived: asyncio.Event) -> Callable[..., None]:
    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FOR UPDATE" in statement:
            arrived.set()

    return look
