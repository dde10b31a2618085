"""Types for the fields of a body, besides text (shared/http/bodies.py), that every database can store.

`RequestBody` already makes plain `int`, `bool`, `float`, `datetime`, `date`, `Decimal` and `str` safe; these are
narrower.
"""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.http.storable import GREATEST_INTEGER, LEAST_INTEGER, Storable

Moment = Annotated[datetime, Storable(), Field(examples=["2026-01-31T12:00:00Z"])]
"""A point in time with its offset, which in UTC is within the years 1 to 9999. For `Mapped[datetime]`."""

SmallWhole = Annotated[int, Field(strict=True, ge=-(2**15), le=2**15 - 1)]
"""A whole number for `SmallInteger`. `true`, `"1"` and `1.0` are none."""

Whole = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)]
"""A whole number for `Mapped[int]`, which is `Integer`."""

BigWhole = Annotated[int, Field(strict=True, ge=LEAST_INTEGER, le=GREATEST_INTEGER)]
"""A whole number for `BigInteger`."""
