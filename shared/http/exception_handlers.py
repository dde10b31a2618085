"""Answers every failure: any exception becomes an `AppError`, and that an envelope."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket

from shared.context import current_request
from shared.database.constraints import breaks_constraint, constraint_of, is_unstorable
from shared.database.outages import means_database_is_away
from shared.errors import (
    AppError,
    BadRequest,
    Conflict,
    InternalError,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RequestTimeout,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from shared.http.bodies import is_of_the_caller
from shared.http.early import MAXIMUM_ERRORS, printable
from shared.http.fault_limits import limits_of
from shared.http.language import spoken, spoken_fault
from shared.logging.tracebacks import reason_of

log = structlog.get_logger(__name__)

PHRASES = {status.value: status.phrase for status in HTTPStatus}


BY_STATUS: dict[int, type[AppError]] = {
    error.status: error
    for error in (
        BadRequest,
        PermissionDenied,
        NotFound,
        MethodNotAllowed,
        RequestTimeout,
        Conflict,
        PayloadTooLarge,
        UnsupportedMediaType,
        TooManyRequests,
        InternalError,
    )
}


def failure_of(error: Exception) -> AppError:
    """The failure that a client sees for any exception; an unknown one is a 500 without details."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, RequestValidationError):
        return _input_failure(error)
    if isinstance(error, HTTPException):
        return _http_failure(error)
    if isinstance(error, ValidationError) and is_of_the_caller(error):
        faults = error.errors(include_url=False)
        return _input_failure(RequestValidationError([one | {"loc": ("body", *one["loc"])} for one in faults]))
    return _database_failure(error) or InternalError()


def _database_failure(error: Exception) -> AppError | None:
    if isinstance(error, StaleDataError) or breaks_constraint(error):
        return Conflict()
    if is_unstorable(error):
        return ValidationFailed.at(type_="not_storable", msg="A value is outside of what can be stored.")
    return Unavailable() if means_database_is_away(error) else None


def _http_failure(error: HTTPException) -> AppError:
    if error.status_code == NotAuthenticated.status:
        return NotAuthenticated()
    if error.status_code == Unavailable.status:
        return Unavailable()
    if error.status_code == ValidationFailed.status:
        return ValidationFailed.at(type_="value_error", msg=str(error.detail))
    fallback = BadRequest if error.status_code < InternalError.status else InternalError
    failure = BY_STATUS.get(error.status_code, fallback)(headers=error.headers)
    failure.status = error.status_code
    if error.detail != PHRASES.get(error.status_code):
        failure.text = str(error.detail)
    return failure


def _input_failure(error: RequestValidationError) -> AppError:
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return BadRequest("The body is not valid JSON.")
    # FastAPI passes the raw bytes on when the content type is not JSON.
    if isinstance(error.body, bytes):
        return UnsupportedMediaType()
    return ValidationFailed(
        [
            {
                "loc": [printable(part) for part in one["loc"]],
                "type": one["type"],
                "msg": _message(one),
                "params": limits_of(one),
            }
            for one in error.errors()[:MAXIMUM_ERRORS]
        ]
    )


def _message(one: Any) -> str:
    # Pydantic puts this before the text of a custom ValueError; its other messages are fixed texts with limits.
    return str(printable(str(one["msg"]).removeprefix("Value error, ")))


def failure_response(error: Exception) -> Response:
    """The answer for any exception, in the envelope. Unexpected ones are logged, once, with their traceback."""
    failure = failure_of(error)
    if isinstance(failure, InternalError):
        log.error("unhandled_exception", exc_info=error)
    elif isinstance(failure, Unavailable):
        log.error("unavailable", reason=reason_of(error))
    elif isinstance(error, SQLAlchemyError):
        # Either the caller's fault or a missing check of ours; the log shows which.
        log.warning("refused_by_database", constraint=constraint_of(error), reason=reason_of(error))
    envelope = {
        "code": failure.code,
        "message": spoken(failure.text, failure.params),
        "data": _spoken_data(failure),
        "request_id": current_request.get().id,
    }
    return Response(
        # Readable in every script; half of a surrogate pair becomes an escape, which is JSON, too.
        json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace"),
        status_code=failure.status,
        headers=failure.headers,
        media_type="application/json",
    )


def _spoken_data(failure: AppError) -> Any:
    if not isinstance(failure, ValidationFailed) or failure.data is None:
        return failure.data
    return failure.data | {"errors": [one | {"msg": spoken_fault(one)} for one in failure.data["errors"]]}


async def _respond(connection: HTTPConnection, error: Exception) -> Response | None:
    if isinstance(connection, WebSocket):
        await connection.close(code=WS_1008_POLICY_VIOLATION, reason=failure_of(error).code)
        return None
    return failure_response(error)


def register_exception_handlers(app: FastAPI) -> None:
    """Answer every known exception with the envelope; the unknown ones reach `CatchAllMiddleware`."""
    for known in (AppError, HTTPException, RequestValidationError, WebSocketRequestValidationError):
        app.add_exception_handler(known, _respond)  # type: ignore[arg-type]  # Starlette types one handler for requests, another for websockets
