"""Events are handled within the publisher's transaction: all of it happens, or nothing."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.models import Credential, UserRole
from modules.users import User, UserCreated, UserDeactivated
from shared.container import Runtime
from shared.errors import AppError, Conflict, InternalError
from shared.events import EventBus, EventHandlers
from tests.conftest import Account, sign_up
from tests.factories import RegisterRequestFactory


@pytest.fixture
async def runtime(app: FastAPI) -> Runtime:
    runtime: Runtime = app.state.runtime
    return runtime


@pytest.fixture
async def session(runtime: Runtime) -> AsyncIterator[AsyncSession]:
    async with runtime.shared.database().read() as session:
        yield session


async def count(session: AsyncSession, model: type[User | Credential | UserRole]) -> int:
    return (await session.execute(select(func.count()).select_from(model))).scalar_one()


def listen(runtime: Runtime, event: type, error: Exception) -> list[UUID]:
    """Let a handler fail, as the last one of the event; gives the users it was told of."""
    handlers, told = EventHandlers(), list[UUID]()

    @handlers.on(event)
    async def fail(event: UserCreated | UserDeactivated, session: AsyncSession, _container: None) -> None:
        told.append(event.user_id)
        raise error

    runtime.shared.events().subscribe(handlers, None)
    return told


@pytest.mark.parametrize(
    ("error", "failure"), [(RuntimeError("CANARY"), InternalError), (Conflict("Not with me."), Conflict)]
)
async def test_a_handler_that_fails_undoes_what_its_publisher_did(
    runtime: Runtime, client: httpx.AsyncClient, session: AsyncSession, error: Exception, failure: type[AppError]
) -> None:
    told = listen(runtime, UserCreated, error)

    answer = await client.post("/api/auth/register", json=RegisterRequestFactory.build().model_dump(mode="json"))

    assert (answer.status_code, answer.json()["code"]) == (failure.status, failure.code)
    assert "CANARY" not in answer.text
    assert len(told) == 1
    assert [await count(session, model) for model in (User, Credential, UserRole)] == [0, 0, 0]


async def test_what_the_other_handlers_did_is_undone_too(
    runtime: Runtime, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    # The handler of auth comes first and ends the sessions.
    told = listen(runtime, UserDeactivated, RuntimeError())

    answer = await client.post(f"/api/users/{user.id}/deactivate", headers=admin.headers)

    assert answer.status_code == 500
    assert told == [UUID(user.id)]
    me = await client.get("/api/users/me", headers=user.headers)
    assert (me.status_code, me.json()["data"]["is_active"]) == (200, True)


async def test_handlers_write_in_the_publishers_transaction(
    runtime: Runtime, client: httpx.AsyncClient, session: AsyncSession
) -> None:
    handlers = EventHandlers()

    @handlers.on(UserCreated)
    async def rename(event: UserCreated, session: AsyncSession, container: str) -> None:
        user = await session.get_one(User, event.user_id)
        user.nickname = container

    runtime.shared.events().subscribe(handlers, "named by a handler")
    account = await sign_up(client)

    assert (await session.get_one(User, UUID(account.id))).nickname == "named by a handler"
    assert await count(session, UserRole) == 1


async def test_only_handlers_of_the_event_itself_run_and_in_order() -> None:
    bus, ran, session = EventBus(), list[object](), AsyncSession()
    for name in ("first", "second"):
        handlers = EventHandlers()

        @handlers.on(UserCreated)
        async def note(event: UserCreated, session: AsyncSession, container: str) -> None:
            ran.append((container, event.user_id))

        bus.subscribe(handlers, name)

    await bus.publish(UserDeactivated(UUID(int=1)), session)
    await bus.publish(UserCreated(UUID(int=2)), session)

    assert ran == [("first", UUID(int=2)), ("second", UUID(int=2))]
