"""The parameters of a fault in the input: the limits of the field, and nothing of the input itself."""

import math
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, get_args

from pydantic_core.core_schema import ErrorType

PYDANTICS_OWN = frozenset(get_args(ErrorType))
# The parameters of pydantic's own types that are passed on: the others quote the input, or count it.
LIMITS = frozenset(
    {
        *("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "expected"),
        *("max_digits", "decimal_places", "whole_digits", "expected_schemes", "expected_tags", "expected_version"),
    }
)
LONGEST_TEXT = 500


def limits_of(fault: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a pydantic error; for a module's own type (PydanticCustomError) all plain ones."""
    given: Mapping[str, Any] = fault.get("ctx") or {}
    allowed = LIMITS if fault["type"] in PYDANTICS_OWN else given.keys() - {"error", "input"}
    found = {name: _plain(given[name]) for name in given if name in allowed}
    return {name: value for name, value in found.items() if value is not None and value != fault.get("input")}


def _plain(value: Any) -> str | int | float | bool | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else None
    if isinstance(value, bool | int | float):
        return value
    return str(value) if isinstance(value, Decimal | date | time | timedelta) else None
