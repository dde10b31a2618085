"""The envelope of every answer: `{"code", "message", "data", "request_id"}`."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.request import current_request

T = TypeVar("T")


def _request_id() -> str:
    return current_request.get().id


class ApiResponse(BaseModel, Generic[T]):
    """A success. `code` is always `"ok"`; a failure has the same shape, see `ApiFailure`."""

    code: str = Field(default="ok", json_schema_extra={"const": "ok"})
    message: str = "OK"
    data: T
    request_id: str = Field(default_factory=_request_id, description="The same as the X-Request-ID header.")

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class ErrorItem(BaseModel):
    """One fault of the input: where it is and what is wrong with it, never the value."""

    loc: list[str | int]
    type: str
    msg: str


class ErrorData(BaseModel):
    """What a failure tells beyond its code: the faults of the input, or the state of each check."""

    errors: list[ErrorItem] | None = None
    checks: dict[str, Any] | None = None


class ApiFailure(BaseModel):
    """A failure, whoever raised it. `code` is stable and made for programs; `message` is made for people."""

    code: str = Field(description="A stable snake_case code, such as `not_authenticated`.")
    message: str
    data: ErrorData | None
    request_id: str = Field(description="The same as the X-Request-ID header.")


def success(data: T, message: str = "OK") -> ApiResponse[T]:
    """Wrap the result of a route."""
    return ApiResponse(data=data, message=message)
