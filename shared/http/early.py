"""Validation that stops early, so that the cost of a body does not grow with the number of its faults."""

from itertools import islice
from typing import Any, Self

from pydantic import BaseModel, GetCoreSchemaHandler, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

MAXIMUM_ERRORS = 50
MAXIMUM_NAME_LENGTH = 100

COLLECTIONS = frozenset({"list", "tuple", "set", "frozenset", "generator"})


def _failing_fast(schema: Any) -> Any:
    """The same schema, in which collections at any depth stop at the first faulty item."""
    if isinstance(schema, list):
        return [_failing_fast(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: value if key == "metadata" else _failing_fast(value) for key, value in schema.items()}
    return inner | {"fail_fast": True} if schema.get("type") in COLLECTIONS else inner


class StopsEarly(BaseModel):
    """Names at most 50 faults. Of more it says only that there are more, and of a list only the first faulty item.

    A fault costs pydantic as much time as a hundred valid fields.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _stop_early(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        is_closed = cls.model_config.get("extra") == "forbid"
        if is_closed and isinstance(data, dict) and len(data) > len(cls.model_fields) + MAXIMUM_ERRORS:
            raise cls._first_unknown(data)
        try:
            return handler(data)
        except ValidationError as error:
            if error.error_count() > MAXIMUM_ERRORS:
                raise PydanticCustomError("too_many_errors", f"There are more than {MAXIMUM_ERRORS} faults.") from None
            raise

    @classmethod
    def _first_unknown(cls, data: dict[str, Any]) -> ValidationError:
        aliases = (field.validation_alias for field in cls.model_fields.values())
        known = cls.model_fields.keys() | {alias for alias in aliases if isinstance(alias, str)}
        unknown = islice((name for name in data if name not in known), MAXIMUM_ERRORS)
        return ValidationError.from_exception_data(
            cls.__name__, [{"type": "extra_forbidden", "loc": (printable(name),), "input": None} for name in unknown]
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = _failing_fast(handler(source))
        return schema


def printable(part: str | int) -> str | int:
    """An unknown field's name comes from the client: it may be long, or hold half a surrogate pair."""
    return part if isinstance(part, int) else part.encode("utf-8", "backslashreplace").decode()[:MAXIMUM_NAME_LENGTH]
