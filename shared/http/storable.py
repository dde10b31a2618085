"""Makes the plain types of a body so strict that every database can store what passes."""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

Schema = dict[str, Any]

LONGEST_TEXT = 10_000
"""For a text without a `max_length` of its own."""
LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**63 - 1
# MariaDB's limits for a decimal: the digits after the point, and in all.
MOST_DECIMALS, MOST_DIGITS = 30, 65

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ].+)?")
ISO_TIME = re.compile(r"\d{2}:.+")

# Our own metadata in pydantic's schemas.
_DONE, _HOLDS_ANY_TEXT = "is storable", "holds any text"
# Keys of pydantic's schemas: those that hold no other schema, and those that hold several, by names that clients see.
_OPAQUE = frozenset({"config", "default", "expected", "function", "metadata", "serialization"})
_BY_NAME = frozenset({"choices", "fields"})
_AROUND = frozenset({"default", "function-after", "function-before", "function-wrap", "nullable"})


def made_storable(schema: Any, bound: int | None = None) -> Any:
    """The same schema with stricter leaves. `bound` is the `max_length` that a validator around a text checks."""
    if isinstance(schema, list):
        return [made_storable(one) for one in schema]
    if isinstance(schema, tuple):  # a choice and its label
        return (made_storable(schema[0]), *schema[1:])
    if not isinstance(schema, dict) or _metadata(schema).get(_DONE):
        return schema
    bound = _metadata(schema).get("pydantic_js_updates", {}).get("maxLength", bound)
    inner = bound if schema.get("type") in _AROUND else None
    made: Schema = {}
    for key, part in schema.items():
        if key in _BY_NAME and isinstance(part, dict):
            made[key] = {name: made_storable(one) for name, one in part.items()}
        else:
            made[key] = part if key in _OPAQUE else made_storable(part, inner)
    if made.get("type") == "str":
        return _text(made, bound)
    leaf = _LEAVES.get(str(made.get("type")))
    return made if leaf is None else leaf(made)


class Storable:
    """Does the same for one type outside of a `RequestBody`: `Annotated[datetime, Storable()]`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return made_storable(handler(source))


class HoldsAnyText:
    """Marks a text that is not stored as it is, and may contain NUL."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        schema: Schema = dict(handler(source))
        return schema | {"metadata": _metadata(schema) | {_HOLDS_ANY_TEXT: True}}


def refuse_surrogates(value: object) -> object:
    """Refuse half of a surrogate pair, which JSON can escape, and no database and no UTF-8 answer can hold."""
    if isinstance(value, str):
        try:
            value.encode()  # a hundred times faster than checking each character
        except UnicodeEncodeError:
            raise PydanticCustomError("text_surrogates", "This contains half of a surrogate pair.") from None
    return value


def _metadata(schema: Schema) -> Schema:
    return schema.get("metadata") or {}


def _done(schema: Schema, **metadata: Any) -> Schema:
    return schema | {"metadata": _metadata(schema) | {_DONE: True} | metadata}


def _text(schema: Schema, bound: int | None) -> Any:
    made = {"max_length": max(LONGEST_TEXT, bound or 0)} | schema
    if _metadata(schema).get(_HOLDS_ANY_TEXT):
        return _done(made)
    if "pattern" not in made:
        updates = _metadata(schema).get("pydantic_js_updates", {})
        made = _done(made, pydantic_js_updates={"pattern": r"^[^\u0000]*$"} | updates)
    return core_schema.no_info_after_validator_function(_refuse_nul, _done(made))


def _refuse_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("text_control_characters", "This contains control characters.")
    refuse_surrogates(value)
    return value


def _whole(schema: Schema) -> Schema:
    made: Schema = {"strict": True} | schema
    if "lt" not in made:
        made = {"le": GREATEST_INTEGER} | made
    if "gt" not in made:
        made = {"ge": LEAST_INTEGER} | made
    return _done(made)


def _strict(schema: Schema) -> Schema:
    return _done({"strict": True} | schema)


def _from_text(type_: str, kind: type, form: re.Pattern[str], expected: str) -> Callable[[object], object]:
    """A check against numbers, also in a text: pydantic would read them as seconds since 1970."""

    def check(value: object) -> object:
        if not isinstance(value, kind) and not (isinstance(value, str) and form.fullmatch(value)):
            raise PydanticCustomError(type_, f"This is not {expected}.")
        return value

    return check


_check_moment = _from_text("datetime_parsing", datetime, ISO_DATE, "a date and time such as 2026-01-31T12:00:00Z")
_check_date = _from_text("date_parsing", date, ISO_DATE, "a date such as 2026-01-31")
_check_time = _from_text("time_parsing", time, ISO_TIME, "a time such as 12:00:00")


def _moment(schema: Schema) -> Any:
    made = _done({"tz_constraint": "aware"} | schema)
    within = core_schema.no_info_after_validator_function(_within_calendar, made)
    return core_schema.no_info_before_validator_function(_check_moment, within)


def _within_calendar(value: datetime) -> datetime:
    """Check the year in UTC, in which it is stored."""
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_out_of_range", "This is not within the years 1 to 9999 in UTC.") from None
    return value


def _date(schema: Schema) -> Any:
    return core_schema.no_info_before_validator_function(_check_date, _done(schema))


def _time(schema: Schema) -> Any:
    return core_schema.no_info_before_validator_function(_check_time, _done(schema))


def _decimal(schema: Schema) -> Any:
    within = core_schema.no_info_after_validator_function(_within_digits, _done(schema))
    return core_schema.no_info_before_validator_function(_refuse_boolean, within)


def _refuse_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("decimal_type", "This is not a number.")
    return value


def _within_digits(value: Decimal) -> Decimal:
    _, digits, exponent = value.as_tuple()
    if isinstance(exponent, int) and (
        exponent < -MOST_DECIMALS or len(digits) + max(exponent, 0) > MOST_DIGITS or value.adjusted() >= MOST_DIGITS
    ):
        raise PydanticCustomError("decimal_max_digits", "This has too many digits.", {"max_digits": MOST_DIGITS})
    return value


def _anything(schema: Schema) -> Any:
    return core_schema.no_info_after_validator_function(_check_json, _done(schema))


def _check_json(value: Any) -> Any:
    parts = [value]
    while parts:  # a loop, not recursion: a client chooses the depth
        part = parts.pop()
        if isinstance(part, float) and not math.isfinite(part):
            raise PydanticCustomError("finite_number", "This contains a number that is none.")
        if isinstance(part, str):
            _refuse_nul(part)
        elif isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            parts += [*part, *part.values()]
    return value


_LEAVES: dict[str, Callable[[Schema], Any]] = {
    "any": _anything,
    "bool": _strict,
    "date": _date,
    "datetime": _moment,
    "decimal": _decimal,
    "float": _strict,
    "int": _whole,
    "time": _time,
}
