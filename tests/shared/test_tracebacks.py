"""A log tells what went wrong, where and in which statement, and nothing of the data that it went wrong with."""

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from modules.users import UserCreate
from modules.users.container import Container as Users
from shared.container import Runtime
from shared.logging.tracebacks import format_exception, reason_of

ADDRESS = "canary-7d20@example.com"


class Shape(BaseModel):
    number: int


def fail(*kinds: type[Exception]) -> None:
    """Raise the last of these, because of the one before, and so on."""
    *before, last = kinds
    try:
        if before:
            fail(*before)
    except Exception as error:
        raise last(f"number {len(before)}") from error
    raise last(f"number {len(before)}")


def raised_by(*kinds: type[Exception]) -> Exception:
    with pytest.raises(kinds[-1]) as caught:
        fail(*kinds)
    return caught.value


async def execute(app: FastAPI, statement: str, **values: object) -> None:
    """Run a statement after a user was written."""
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        await runtime.of(Users).user_service(session).create(UserCreate(email=ADDRESS))
        await session.execute(text(statement), values)


async def statement_error(app: FastAPI, statement: str, **values: object) -> SQLAlchemyError:
    with pytest.raises(SQLAlchemyError) as caught:
        await execute(app, statement, **values)
    return caught.value


async def test_a_duplicate_is_told_without_the_value(app: FastAPI) -> None:
    copy = "INSERT INTO users SELECT * FROM users WHERE email = :email"

    error = await statement_error(app, copy, email=ADDRESS)

    assert isinstance(error, IntegrityError)
    for told in (reason_of(error), format_exception(error)):
        assert ADDRESS not in told
        assert copy.partition(":")[0] in told
        assert "UNIQUE constraint failed: users." in told or "23505" in told or "1062 Duplicate entry (23000)" in told
    assert "in execute" in format_exception(error)


async def test_a_name_that_does_not_exist_is_told(app: FastAPI) -> None:
    told = reason_of(await statement_error(app, "SELECT * FROM there_is_no_such_table WHERE a = :a", a=ADDRESS))

    assert "there_is_no_such_table" in told
    assert ADDRESS not in told


def test_a_faulty_shape_is_told_by_its_place() -> None:
    with pytest.raises(ValidationError) as caught:
        Shape.model_validate({"number": ADDRESS})

    assert reason_of(caught.value) == "ValidationError: int_parsing at number"


def test_other_exceptions_speak_for_themselves() -> None:
    assert reason_of(ConnectionRefusedError(111, "refused")) == "ConnectionRefusedError: [Errno 111] refused"
    assert reason_of(LookupError()) == "LookupError"


def test_what_led_to_an_exception_stands_before_it() -> None:
    lines = format_exception(raised_by(KeyError, LookupError, RuntimeError)).splitlines()

    told = [line for line in lines if "number" in line and not line.startswith(" ")]
    assert told == ["KeyError: 'number 0'", "LookupError: number 1", "RuntimeError: number 2"]
    assert sum(line.startswith("Traceback") for line in lines) == 3


def test_everything_in_a_group_is_told() -> None:
    told = format_exception(ExceptionGroup("two at once", [KeyError("a"), raised_by(LookupError, RuntimeError)]))

    for part in ("ExceptionGroup: two at once", "KeyError: 'a'", "LookupError: number 0", "RuntimeError: number 1"):
        assert part in told
