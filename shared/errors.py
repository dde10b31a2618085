"""Every failure of the API is built here, whoever raised it."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket

from shared.constraints import breaks_constraint, constraint_of, is_unstorable
from shared.early import MAXIMUM_ERRORS, printable
from shared.limits import limits_of
from shared.outages import means_database_is_away
from shared.request import current_request
from shared.responses import ValidationErrors
from shared.text import is_of_the_caller
from shared.texts import spoken, spoken_fault
from shared.tracebacks import reason_of

log = structlog.get_logger(__name__)

PHRASES = {status.value: status.phrase for status in HTTPStatus}


class AppError(Exception):
    """A failure with a stable code. Services raise subclasses; routers never translate.

    The docstring is not sent: `message` is.
    """

    status = 400
    code = "bad_request"
    message = "The request cannot be understood."
    data_model: type[BaseModel] | None = None
    """The form of `data`, for the OpenAPI document; None where `data` is null."""

    def __init__(
        self,
        message: str | None = None,
        *,
        data: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """`message` is English, and with `params` a template: "The header {name} is missing."."""
        self.text = message or self.message
        self.params = params
        super().__init__(self.text.format_map(params) if params else self.text)
        self.data = data
        self.headers = dict(headers or {})


class BadRequest(AppError):
    pass


class NotAuthenticated(AppError):
    status, code, message = 401, "not_authenticated", "Authentication is required."

    def __init__(self, *, token_was_sent: bool = False) -> None:
        # RFC 6750 3.1: the error is named only when there was a token to be wrong.
        challenge = 'Bearer error="invalid_token"' if token_was_sent else "Bearer"
        super().__init__(headers={"WWW-Authenticate": challenge})


class PermissionDenied(AppError):
    status, code, message = 403, "permission_denied", "You are not allowed to do this."


class NotFound(AppError):
    status, code, message = 404, "not_found", "There is nothing here."


class MethodNotAllowed(AppError):
    status, code, message = 405, "method_not_allowed", "This method is not allowed here."


class Unread(AppError):
    """The rest of the request is not waited for, so the connection cannot carry another one: it is closed."""

    def __init__(self, message: str | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers.setdefault("Connection", "close")


class RequestTimeout(Unread):
    status, code, message = 408, "request_timeout", "The request took too long to arrive; send it again."


class PayloadTooLarge(Unread):
    status, code, message = 413, "payload_too_large", "The request body is too large."


class HeadTooLarge(Unread):
    status, code = 431, "request_header_fields_too_large"
    message = "The address and the headers of the request are too large together."


class UnsupportedMediaType(AppError):
    status, code, message = 415, "unsupported_media_type", "Send the body as application/json."


class ValidationFailed(AppError):
    """422. `errors` are `{"loc", "type", "msg", "params"}` objects; never put a value of the input into them.

    `params` are the limits that `msg` speaks of, by name, for clients with texts of their own; they may be left out.
    """

    status, code, message = 422, "validation_error", "The input is not valid."
    data_model = ValidationErrors

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(data={"errors": [{**one, "params": one.get("params", {})} for one in errors]})

    @classmethod
    def at(
        cls, *loc: str, type_: str, msg: str, params: Mapping[str, str | int | float] | None = None
    ) -> "ValidationFailed":
        return cls([{"loc": list(loc), "type": type_, "msg": msg, "params": dict(params or {})}])


class TooManyRequests(AppError):
    status, code, message = 429, "too_many_requests", "Too many requests; try again later."

    def __init__(self, retry_after: float = 60, **more: Any) -> None:
        """`retry_after` is in seconds; the client is told to wait at least one."""
        super().__init__(**more)
        self.headers.setdefault("Retry-After", str(max(1, math.ceil(retry_after))))


class InternalError(AppError):
    status, code, message = 500, "internal_error", "Something went wrong on our side."


class Unavailable(AppError):
    status, code, message = 503, "unavailable", "The service is not available right now; try again."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class Conflict(AppError):
    status, code, message = 409, "conflict", "This contradicts what is already there."


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
    """The failure that a client sees for any exception. What is not known is a 500 that says nothing."""
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
    # FastAPI hands the raw bytes on when the content type is not JSON.
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
    # What pydantic says of a custom ValueError comes after this; its other messages are fixed texts with limits.
    return str(printable(str(one["msg"]).removeprefix("Value error, ")))


def failure_response(error: Exception) -> Response:
    """The answer for any exception, in the envelope. Unexpected ones are logged, once, with their traceback."""
    failure = failure_of(error)
    if isinstance(failure, InternalError):
        log.error("unhandled_exception", exc_info=error)
    elif isinstance(failure, Unavailable):
        log.error("unavailable", reason=reason_of(error))
    elif isinstance(error, SQLAlchemyError):
        # The caller's doing, or a check that our code lacks: whoever reads the log can tell.
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
