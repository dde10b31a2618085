"""A success that was answered is in the database; what is not in the database was not answered as a success."""

import asyncio
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from modules.users import User
from shared.container import Runtime
from shared.database import Database
from shared.testing.databases import execute
from shared.testing.envelope import assert_failure, data_of
from tests.api.asgi import Event, bearer, post
from tests.api.failing import failing_commits
from tests.conftest import Account, MakeApp, client_of, sign_up
from tests.factories import RegisterRequestFactory, UserCreateFactory

# What makes a COMMIT fail, although every statement before it succeeded. MariaDB defers nothing to the COMMIT.
REAL_FAILURES = {
    "sqlite": [
        "CREATE TABLE required (id INTEGER PRIMARY KEY)",
        "CREATE TABLE requiring (id INTEGER REFERENCES required (id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER fail AFTER INSERT ON users BEGIN INSERT INTO requiring VALUES (1); END",
    ],
    "postgresql": [
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        """CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION fail()""",
    ],
}


async def emails(database: str) -> set[str]:
    """What another connection sees."""
    other = Database(database)
    try:
        async with other.read() as session:
            return set(await session.scalars(select(User.email)))
    finally:
        await other.close()


async def test_item_81_a_write_is_committed_before_its_answer_leaves(
    app: FastAPI, admin: Account, database: str
) -> None:
    register, create = RegisterRequestFactory.build(), UserCreateFactory.build()
    seen: dict[str, bool] = {}

    for path, request in (("/api/auth/register", register), ("/api/users", create)):

        async def look(event: Event, path: str = path, email: str = request.email) -> None:
            if event["type"] == "http.response.start":
                assert event["status"] == 201
                seen[path] = email in await emails(database)

        await post(app, path, request.model_dump_json().encode(), bearer(admin.tokens["access_token"]), before=look)

    assert seen == {"/api/auth/register": True, "/api/users": True}


async def test_item_81_a_change_is_committed_before_its_answer_leaves(
    app: FastAPI, user: Account, database: str
) -> None:
    # Whoever logs out is logged out when told so, in another process too.
    refused: list[int] = []

    async def look(event: Event) -> None:
        if event["type"] == "http.response.start":
            other = Database(database)
            async with other.read() as session:
                alive = "SELECT count(*) FROM auth_sessions WHERE revoked_at IS NULL"
                refused.append(await session.scalar(text(alive)) or 0)
            await other.close()

    await post(app, "/api/auth/logout", b"{}", bearer(user.tokens["access_token"]), before=look)

    assert refused == [0]


async def test_item_81_a_commit_that_the_database_refuses_is_no_success(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, database: str, backend: str
) -> None:
    if backend not in REAL_FAILURES:
        pytest.skip("nothing can be deferred to a COMMIT here; see the next test")
    await asyncio.to_thread(execute, database, *REAL_FAILURES[backend])
    before = await emails(database)

    for answer in (
        await client.post("/api/users", headers=admin.headers, json={"email": "a@x.io"}),
        await client.post("/api/auth/register", json=RegisterRequestFactory.build().model_dump(mode="json")),
    ):
        assert answer.status_code in {409, 500, 503}, answer.text
        assert_failure(answer, answer.status_code, answer.json()["code"])

    assert await emails(database) == before
    # The connection that failed is fit for use again.
    changed = await client.patch("/api/users/me", headers=admin.headers, json={"nickname": "Ada"})
    assert data_of(changed)["nickname"] == "Ada"


async def test_item_81_no_write_is_a_success_whose_commit_is_lost(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account, database: str
) -> None:
    before = await emails(database)
    register = RegisterRequestFactory.build().model_dump(mode="json")
    credentials = {"email": user.email, "password": user.password}
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/users", {"email": "a@x.io"}),
        ("PATCH", "/api/users/me", {"nickname": "Ada"}),
        ("PATCH", f"/api/users/{user.id}", {"nickname": "Ada"}),
        ("POST", f"/api/users/{user.id}/deactivate", {}),
        ("POST", "/api/auth/register", register),
        ("POST", "/api/auth/login", credentials),
        ("POST", "/api/auth/refresh", {"refresh_token": user.tokens["refresh_token"]}),
        ("POST", "/api/auth/logout", {"scope": "all"}),
    ]
    lost = OperationalError("COMMIT", {}, Exception("the connection was lost"))
    refused = IntegrityError("COMMIT", {}, Exception("deferred"))
    for error, status, code in (
        (lost, 503, "unavailable"),
        (refused, 409, "conflict"),
        (RuntimeError(), 500, "internal_error"),
    ):
        with failing_commits(app, error) as failed:
            for number, (method, path, body) in enumerate(writes, start=1):
                answer = await client.request(method, path, headers=admin.headers, json=body)
                assert_failure(answer, status, code)
                assert len(failed) == number, path

    assert await emails(database) == before
    assert data_of(await client.get("/api/users/me", headers=user.headers))["nickname"] is None
    assert data_of(await client.get("/api/users/me", headers=admin.headers))["nickname"] is None
    assert data_of(await client.post("/api/auth/login", json=credentials))


async def test_item_81_a_unit_of_work_is_done_as_a_whole_or_not_at_all(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    # The deactivation is the users' part, the end of the sessions is auth's.
    with failing_commits(app):
        path = f"/api/users/{user.id}/deactivate"
        assert_failure(await client.post(path, headers=admin.headers), 503, "unavailable")

    assert data_of(await client.get("/api/users/me", headers=user.headers))["is_active"]
    assert data_of(await client.post("/api/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]}))


async def test_item_82_fifty_writers_and_their_readers_at_once_lose_nothing(
    app: FastAPI, client: httpx.AsyncClient, admin: Account, database: str
) -> None:
    people = [await sign_up(client) for _ in range(5)]
    new = [UserCreateFactory.build() for _ in range(25)]

    def create(request: Any) -> Any:
        return client.post("/api/users", headers=admin.headers, json=request.model_dump(mode="json"))

    def rename(number: int) -> Any:
        return client.patch("/api/users/me", headers=people[number % 5].headers, json={"nickname": f"name {number}"})

    requests = [one for number, request in enumerate(new) for one in (create(request), rename(number))]
    requests += [client.get("/api/users/me", headers=person.headers) for person in people * 5]
    answers = await asyncio.gather(*requests)

    assert {answer.status_code for answer in answers} == {200, 201}
    assert await emails(database) >= {request.email for request in new}
    for number, person in enumerate(people):
        me = data_of(await client.get("/api/users/me", headers=person.headers))
        assert me["nickname"] in {f"name {one}" for one in range(25) if one % 5 == number}


async def test_item_82_sqlite_is_set_up_for_what_the_service_promises(app: FastAPI, backend: str) -> None:
    if backend != "sqlite":
        pytest.skip("about SQLite")
    runtime: Runtime = app.state.runtime
    database = runtime.shared.database()
    async with database.transaction() as session, database.read() as reader:
        for one in (session, reader):
            values = {
                name: await one.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            }
            assert values == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 5_000}


async def test_item_82_foreign_keys_are_enforced(app: FastAPI, user: Account) -> None:
    runtime: Runtime = app.state.runtime
    orphan = "INSERT INTO auth_user_roles (user_id, role_name) SELECT user_id, 'nothing' FROM auth_user_roles"
    with pytest.raises(IntegrityError):
        async with runtime.shared.database().transaction() as session:
            await session.execute(text(orphan))


async def test_what_reads_cannot_write(app: FastAPI, user: Account) -> None:
    runtime: Runtime = app.state.runtime
    database = runtime.shared.database()
    async with database.read() as session:
        row = (await session.scalars(select(User))).one()
        row.nickname = "Ada"
        with pytest.raises(RuntimeError, match="for reading"):
            await session.flush()

    async with database.read() as session:
        assert await session.scalar(select(func.count()).where(User.nickname.is_not(None))) == 0


async def test_item_82_two_applications_write_to_one_database_at_once(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account
) -> None:
    async with client_of(make_app()) as other:
        answers = await asyncio.gather(
            *(
                one.patch("/api/users/me", headers=user.headers, json={"nickname": f"name {number}"})
                for number, one in enumerate([client, other] * 5)
            )
        )

    assert {data_of(answer)["nickname"] for answer in answers} == {f"name {number}" for number in range(10)}
