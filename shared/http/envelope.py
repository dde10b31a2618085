"""The envelope of every answer: `{"code", "message", "data", "request_id"}`."""

import re
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from shared.context import current_request
from shared.http.language import spoken

T = TypeVar("T")

EXAMPLE_ID = "0199d3b2-6f00-7c3a-9d4e-0b1f6c2a8e57"
_REQUEST_ID = "The same as the X-Request-ID header."


def _request_id() -> str:
    return current_request.get().id


class ApiResponse(BaseModel, Generic[T]):
    """A success: `code` is always `ok`. A failure has the same shape, with a code of its own."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    code: str = Field(default="ok", json_schema_extra={"const": "ok"}, description="Always `ok`.")
    message: str = Field(default="OK", description="For people.", examples=["OK"])
    data: T
    request_id: str = Field(default_factory=_request_id, description=_REQUEST_ID, examples=[EXAMPLE_ID])

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The name in the OpenAPI document: `UserReadResponse`, `RoleReadListResponse`, `EmptyResponse`."""
        return f"{_name_of(params[0])}Response"


def _name_of(data: Any) -> str:
    if data is None or data is NoneType:
        return "Empty"
    if get_origin(data) is list:
        return f"{_name_of(*get_args(data))}List"
    # Any other type gives the words of its name, without those of packages.
    text = data.__name__ if isinstance(data, type) and not get_args(data) else re.sub(r"[\w.]+\.", "", repr(data))
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))


class ApiFailure(BaseModel):
    """A failure, whoever raised it: the same envelope as a success, with a code that says what went wrong."""

    code: str = Field(description="Stable, for programs.")
    message: str = Field(description="For people: what went wrong, and what to do next.")
    data: Any = Field(description="More about the failure, for some codes.")
    request_id: str = Field(description=_REQUEST_ID, examples=[EXAMPLE_ID])


def success(data: T, message: str = "OK") -> ApiResponse[T]:
    """Wrap the result of a route. The message is English; `messages/zh.toml` of the module translates it."""
    # "OK" is the same in every language.
    return ApiResponse(data=data, message=message if message == "OK" else spoken(message))
