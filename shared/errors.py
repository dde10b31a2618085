"""The failures of the API: each has a status and a stable code."""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ErrorItem(BaseModel):
    """One fault of the input: where it is and what is wrong with it, never the value."""

    loc: list[str | int] = Field(
        description="Where: `body`, `query` or `path`, then the names of fields and the indexes in lists.",
        examples=[["body", "email"]],
    )
    type: str = Field(description="Stable, for programs.", examples=["missing"])
    msg: str = Field(description="For people, in the language of Accept-Language.", examples=["Field required"])
    params: dict[str, Any] = Field(
        description="The limits that `msg` mentions, by name; empty for most types.", examples=[{"min_length": 15}]
    )


class ValidationErrors(BaseModel):
    """The faults of the input."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"errors": [{"loc": ["body", "email"], "type": "missing", "msg": "Field required", "params": {}}]}
            ]
        }
    )

    errors: list[ErrorItem] = Field(description="One for each fault, at most 50.")


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
        # RFC 6750 3.1: without a token there is no error code.
        challenge = 'Bearer error="invalid_token"' if token_was_sent else "Bearer"
        super().__init__(headers={"WWW-Authenticate": challenge})


class PermissionDenied(AppError):
    status, code, message = 403, "permission_denied", "You are not allowed to do this."


class NotFound(AppError):
    status, code, message = 404, "not_found", "Not found."


class MethodNotAllowed(AppError):
    status, code, message = 405, "method_not_allowed", "This method is not allowed here."


class Unread(AppError):
    """The rest of the request is not read, so the connection cannot be reused: it is closed."""

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

    `params` are the limits that `msg` mentions, by name, for clients with texts of their own; they may be left out.
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
    status, code, message = 409, "conflict", "The request conflicts with existing data."
