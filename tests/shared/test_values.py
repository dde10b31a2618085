"""What a body may hold: plain types and ours, at the edges of what databases can store."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from sqlalchemy import JSON, BigInteger, Column, MetaData, Numeric, SmallInteger, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import UtcDateTime
from shared.http import AnyText, BigWhole, Moment, Name, Paragraphs, RequestBody, SafeText, SmallWhole, Whole
from tests.conftest import MakeApp


class Line(RequestBody):
    count: int


class Everything(RequestBody):
    number: int = 0
    positive: Annotated[int, Field(gt=0)] = 1
    small: SmallWhole = 0
    whole: Whole = 0
    big: BigWhole = 0
    flag: bool = False
    share: float = 0.0
    moment: datetime | None = None
    aware: AwareDatetime | None = None
    named: Moment | None = None
    day: date | None = None
    price: Decimal = Decimal(0)
    money: Annotated[Decimal, Field(max_digits=12, decimal_places=2)] = Decimal(0)
    text: str = ""
    long: Annotated[SafeText, Field(max_length=100_000)] = ""
    longer: Annotated[str, Field(max_length=100_000)] = ""
    paragraphs: Paragraphs = ""
    anything: Any = None
    settings: dict[str, Any] = Field(default_factory=dict)
    lines: list[Line] = Field(default_factory=list)
    either: int | str | None = None
    inner: "Everything | None" = None


GREATEST, LATEST = 2**63 - 1, "9999-12-31T23:59:59.999999Z"
GOOD: list[tuple[str, Any]] = [
    *(("number", value) for value in (0, -(2**63), GREATEST)),
    *(("big", value) for value in (-(2**63), GREATEST)),
    *(("small", value) for value in (-(2**15), 2**15 - 1)),
    *(("whole", value) for value in (-(2**31), 2**31 - 1)),
    *(("flag", value) for value in (True, False)),
    *(("share", value) for value in (1, -1.5, 1e308)),
    *((name, value) for name in ("moment", "aware", "named") for value in (LATEST, "0001-01-01T00:00:00Z")),
    *(("moment", value) for value in ("2026-01-31 12:00:00+02:00", "9999-12-31T23:59:59+14:00")),
    ("day", "0001-01-01"),
    *(("price", value) for value in ("1.50", 1, 1.5, "9" * 65, "1e-30")),
    ("money", "9999999999.99"),
    *(("text", value) for value in ("x" * 10_000, "a\nb", "\U0010ffff")),
    *((name, "x" * 100_000) for name in ("long", "longer")),
    ("paragraphs", "one\n\ttwo\r\nthree"),
    *(("anything", value) for value in (None, {"a": [1, "b", 1.5, True]}, "x" * 10_000)),
    ("lines", [{"count": 1}]),
    *(("either", value) for value in (1, "1", None)),
]
BAD: list[tuple[str, Any]] = [
    *((name, value) for name in ("number", "small", "whole", "big") for value in (True, "1", 1.0, 1.5, None, 2**63)),
    ("number", -(2**63) - 1),
    ("positive", 0),
    ("positive", 2**63),
    ("small", 2**15),
    ("whole", -(2**31) - 1),
    *(("flag", value) for value in (1, 0, "true", "yes", None)),
    *(("share", value) for value in (True, "1.5", float("nan"), float("inf"))),
    *(
        (name, value)
        for name in ("moment", "aware", "named")
        for value in (
            *("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-01-31T12:00:00", "2026-01-31"),
            *(0, 1.5, True, "1700000000", "10000-01-01T00:00:00Z", ""),
        )
    ),
    *(("day", value) for value in (1, "1700000000", "0000-01-01", "2026-02-30", True)),
    *(("price", value) for value in (True, "NaN", "Infinity", "1e100000", "1e-31", "9" * 66, "x")),
    ("money", "1.001"),
    *(("text", value) for value in ("x" * 10_001, "a\0", "\ud800", 1)),
    *((name, "x" * 100_001) for name in ("long", "longer")),
    *(("paragraphs", value) for value in ("\0", "\x0b", "\x1b[0m", "\u202e", "\x85", "\ud800")),
    *(("anything", value) for value in ("\ud800", {"a": ["\0"]}, {"\0": 1}, [float("nan")])),
    *(("settings", value) for value in ({"\0": 1}, {"a": "\ud800"}, {"a": float("inf")})),
    *(("lines", value) for value in ([{"count": True}], [{"count": "1"}], [{"count": 2**63}])),
    *(("either", value) for value in (True, "\0", 2**63)),
    ("inner", {"number": "1"}),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_can_be_stored_is_taken(name: str, value: Any) -> None:
    Everything.model_validate({name: value})


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_cannot_be_stored_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Everything.model_validate({name: value})


def test_how_long_a_text_may_be_stands_in_the_document() -> None:
    described = Everything.model_json_schema()["$defs"]["Everything"]["properties"]

    lengths = {name: described[name]["maxLength"] for name in ("text", "long", "longer", "paragraphs")}
    assert lengths == {"text": 10_000, "long": 100_000, "longer": 100_000, "paragraphs": 10_000}


async def test_what_is_taken_is_stored_and_given_back_on_every_database(make_app: MakeApp) -> None:
    engine: AsyncEngine = make_app().state.runtime.shared.database().engine
    columns: dict[str, Any] = {
        "moment": UtcDateTime(),
        "small": SmallInteger(),
        "big": BigInteger(),
        "money": Numeric(12, 2),
        "paragraphs": Text(),
        "anything": JSON(),
    }
    table = Table("stored_values", MetaData(), *(Column(name, kind) for name, kind in columns.items()))
    async with engine.connect() as connection:
        await connection.run_sync(table.create)
        try:
            for name, value in GOOD:
                if name in columns and not isinstance(value, float):
                    stored = getattr(Everything.model_validate({name: value}), name)
                    await connection.execute(insert(table).values({name: stored}))
                    assert await connection.scalar(select(table.c[name])) == stored, (name, value)
                    await connection.execute(table.delete())
        finally:
            await connection.run_sync(table.drop)


def test_a_text_of_several_lines_ends_each_with_a_newline() -> None:
    assert TypeAdapter(Paragraphs).validate_python("a\r\nb\rc\n\td") == "a\nb\nc\n\td"


def test_a_name_is_composed_and_trimmed() -> None:
    assert TypeAdapter(Name).validate_python(" Jose\u0301 ") == "Jos\u00e9"
    short = TypeAdapter[str](Annotated[Name, Field(max_length=4)])
    assert short.validate_python("Jose\u0301") == "Jos\u00e9"


INVISIBLE = (
    "\u200b\u3164\u2800\u00ad\ufeff\u200f\u115f\u1160\uffa0\u2060\u180e\u034f"
    "\ufe0f\u061c\U000e0041\U000e0001 \u00a0\u3000"
)


@pytest.mark.parametrize("name", [*INVISIBLE, INVISIBLE, "\u200b\u200b", "\u2028", "a\u2028b", "a\u2029b", "", "  "])
def test_a_name_shows_something_on_one_line(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)


@pytest.mark.parametrize("name", ["x", "\u0301", "\u4e2d", "\U0001f600", "\U0001f468\u200d\U0001f469", "a\u200fb", "."])
def test_whatever_shows_is_a_name(name: str) -> None:
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize("kind", [AnyText, SafeText, Paragraphs, Name, str])
def test_patterns_are_ascii_and_fit_for_a_browser(kind: Any) -> None:
    class Body(RequestBody):
        value: kind

    pattern = Body.model_json_schema()["properties"]["value"].get("pattern", "")
    assert pattern.isascii()
    assert pattern.isprintable()
    # Under the `v` flag these stand for themselves only behind a backslash.
    assert not re.search(r"(?<!\\)\[[^\]]*[(){}/|\[]", pattern)
    assert not re.search(r"(?<!\\)-\]", pattern)
    re.compile(pattern)


def test_moments_are_compared_in_utc() -> None:
    body = Everything.model_validate({"moment": "2026-01-31T12:00:00+02:00"})
    assert body.moment == datetime(2026, 1, 31, 10, tzinfo=UTC)
