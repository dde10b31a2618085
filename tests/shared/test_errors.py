"""Which failure a client sees for which exception, and that the codes of all modules are one vocabulary."""

import re
from collections import defaultdict
from collections.abc import Iterator

import asyncpg  # type: ignore[import-untyped]  # it brings no types
import pytest
from fastapi import HTTPException
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.assembly.discovery import discover
from shared.errors import AppError, ValidationFailed
from shared.http.exception_handlers import failure_of

CANARY = "CANARY-7d20"


def families(error: type[AppError]) -> Iterator[type[AppError]]:
    yield error
    for child in error.__subclasses__():
        yield from families(child)


@pytest.mark.module_rules
def test_every_code_of_every_module_is_snake_case_and_means_one_status() -> None:
    owned = {part.__name__ for module in discover().values() if (part := module.part("errors"))}
    found = [one for one in families(AppError) if one.__module__ in {*owned, "shared.errors"}]
    statuses = defaultdict(set)
    for error in found:
        statuses[error.code].add(error.status)

    assert {one.__module__ for one in found} == {*owned, "shared.errors"}
    assert [code for code in statuses if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []
    # A wrong password: 401 for who wants to log in, 403 for who is logged in and has to repeat it.
    assert {code: several for code, several in statuses.items() if len(several) > 1} == {
        "invalid_credentials": {401, 403}
    }


@pytest.mark.module_rules
def test_every_failure_says_something_in_words() -> None:
    assert [one for one in families(AppError) if not re.fullmatch(r"[A-Z].*\.", one.message)] == []


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError(CANARY), 500, "internal_error"),
        (KeyError(CANARY), 500, "internal_error"),
        (IntegrityError(CANARY, {}, Exception(CANARY)), 409, "conflict"),
        (OperationalError(CANARY, {}, Exception(CANARY)), 503, "unavailable"),
        (InterfaceError(CANARY, {}, Exception(CANARY)), 503, "unavailable"),
        (DBAPIError(CANARY, {}, Exception(CANARY), connection_invalidated=True), 503, "unavailable"),
        (DBAPIError(CANARY, {}, Exception(CANARY)), 500, "internal_error"),
        (PoolTimeoutError(CANARY), 503, "unavailable"),
        (ConnectionRefusedError(CANARY), 503, "unavailable"),
        (TimeoutError(CANARY), 503, "unavailable"),
        (asyncpg.CannotConnectNowError(CANARY), 503, "unavailable"),
        (HTTPException(401, CANARY), 401, "not_authenticated"),
        (HTTPException(503, CANARY), 503, "unavailable"),
    ],
)
def test_no_exception_tells_more_than_its_kind(error: Exception, status: int, code: str) -> None:
    failure = failure_of(error)

    assert (failure.status, failure.code) == (status, code)
    assert CANARY not in failure.text
    assert failure.data is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad_request"),
        (403, "permission_denied"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (409, "conflict"),
        (413, "payload_too_large"),
        (415, "unsupported_media_type"),
        (418, "bad_request"),
        (429, "too_many_requests"),
        (500, "internal_error"),
        (502, "internal_error"),
    ],
)
def test_an_http_exception_of_somebody_else_gets_a_code(status: int, code: str) -> None:
    failure = failure_of(HTTPException(status))

    assert (failure.status, failure.code) == (status, code)
    assert failure.text.endswith(".")


def test_what_an_http_exception_says_and_its_headers_are_kept() -> None:
    failure = failure_of(HTTPException(429, "Slow down.", headers={"Retry-After": "7"}))

    assert (failure.text, failure.headers) == ("Slow down.", {"Retry-After": "7"})


def test_a_status_that_no_standard_knows_is_kept() -> None:
    failure = failure_of(HTTPException(499, "The client is gone."))

    assert (failure.status, failure.code, failure.text) == (499, "bad_request", "The client is gone.")


def test_an_http_exception_about_input_has_the_form_of_every_other_422() -> None:
    failure = failure_of(HTTPException(422, "Begins after it ends."))

    assert (failure.status, failure.code) == (422, "validation_error")
    assert failure.data == {
        "errors": [{"loc": [], "type": "value_error", "msg": "Begins after it ends.", "params": {}}]
    }
    assert failure.text == ValidationFailed.message
