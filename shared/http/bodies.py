"""Text that is safe to store, to sort and to show again; and the base of every request and response body."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from types import EllipsisType
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from shared.http.early import StopsEarly
from shared.http.storable import HoldsAnyText, made_storable, refuse_surrogates

T = TypeVar("T")

# Control characters; bidirectional overrides and isolates, which make a text show other than it is; what ends a line.
# In ASCII, and as a browser takes it in `<input pattern>`: there a hyphen within brackets needs a backslash.
_REFUSED = r"\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069"
_REFUSED_IN_PARAGRAPHS = r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069"
_NOT_IN_A_LINE, _NOT_IN_PARAGRAPHS = re.compile(f"[{_REFUSED}]"), re.compile(f"[{_REFUSED_IN_PARAGRAPHS}]")
# What shows nothing: blanks, what joins or steers others, and letters that are only there to fill a place.
_INVISIBLE = (
    r"\s\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164"
    r"\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB"
)
# Beyond U+FFFF, which not every reader of patterns takes: steering of notes and of shorthand, tags, variants.
_VISIBLE = re.compile(rf"[^{_INVISIBLE}\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]")


def _refuse_control_characters(value: str) -> str:
    if _NOT_IN_A_LINE.search(value):
        raise PydanticCustomError("text_control_characters", "This contains control characters.")
    return value


def _refuse_all_but_paragraphs(value: str) -> str:
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if _NOT_IN_PARAGRAPHS.search(value):
        raise ValueError("contains control characters")
    return value


def _composed(value: str) -> str:
    return unicodedata.normalize("NFC", value).strip()


def _refuse_invisible(value: str) -> str:
    if value and not _VISIBLE.search(value):
        raise PydanticCustomError("text_invisible", "This has no visible character.")
    return value


AnyText = Annotated[str, HoldsAnyText(), BeforeValidator(refuse_surrogates)]
"""Any text that UTF-8 can carry, and PostgreSQL not always: passwords, and what is not stored as it is."""

SafeText = Annotated[
    AnyText,
    AfterValidator(_refuse_control_characters),
    Field(json_schema_extra={"pattern": f"^[^{_REFUSED}]*$"}),
]
"""One line of text without control characters or bidirectional overrides: search terms, descriptions."""

Paragraphs = Annotated[
    AnyText,
    AfterValidator(_refuse_all_but_paragraphs),
    Field(json_schema_extra={"pattern": f"^[^{_REFUSED_IN_PARAGRAPHS}]*$"}),
]
"""Several lines of the same, with tabs. However lines end, they end with a newline then."""

# Put into form first, then measured: constraints beside `strip_whitespace` would see the blanks.
Name = Annotated[
    SafeText,
    AfterValidator(_composed),
    AfterValidator(_refuse_invisible),
    Field(min_length=1, json_schema_extra={"pattern": f"^[^{_REFUSED}]*[^{_INVISIBLE}{_REFUSED}][^{_REFUSED}]*$"}),
]
"""One line with something to see in it, composed (NFC) and without the blanks around it."""


class RequestBody(StopsEarly):
    """The base of every body that a client sends: unknown fields, NaN and Infinity are refused, never ignored.

    Plain types are strict, and hold what a database can store: `shared/http/storable.py`.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return made_storable(super().__get_pydantic_core_schema__(source, handler))

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        with _blaming_the_caller():
            return super().model_validate(obj, **options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        with _blaming_the_caller():
            return super().model_validate_json(json_data, **options)


def parse_body(type_: type[T], raw: bytes) -> T:
    """Read a body that FastAPI was not told of, a signed one for example.

    Raises:
        ValidationError: It answers as any other body: 400 where it is no JSON, else 422.
    """
    with _blaming_the_caller():
        return TypeAdapter(type_).validate_json(raw)


def is_of_the_caller(error: ValidationError) -> bool:
    """Whether it was found in what a client sent, and not in what we made of it."""
    return getattr(error, "is_of_the_caller", False)


@contextmanager
def _blaming_the_caller() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        error.is_of_the_caller = True  # type: ignore[attr-defined]  # pydantic allows no class of our own
        raise


def _left_out() -> EllipsisType:
    return ...


# A factory, for a default would stand in the OpenAPI document, and generated clients would send it.
LEFT_OUT: Any = Field(default_factory=_left_out)
"""What every field of a `PatchBody` is when the client does not send it."""


class PatchBody(RequestBody):
    """The base of every body of a PATCH: each field may be left out, and what is left out stays as it is.

    Write `nickname: Nickname | None = LEFT_OUT`, and take from it what was sent: `data.model_dump(exclude_unset=True)`.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if field.default_factory is not _left_out:
                raise TypeError(f"{cls.__name__}.{name} is a field of a PATCH body: write `= LEFT_OUT` behind it")


class ResponseData(BaseModel):
    """The base of everything in `data`: read from a model by its attributes, exactly the fields written down."""

    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)
