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

# Control characters, line separators, and bidirectional overrides and isolates, which disguise a text.
# In ASCII, and valid in `<input pattern>`, where a hyphen within brackets needs a backslash.
_REFUSED = r"\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069"
_REFUSED_IN_PARAGRAPHS = r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069"
_NOT_IN_A_LINE, _NOT_IN_PARAGRAPHS = re.compile(f"[{_REFUSED}]"), re.compile(f"[{_REFUSED_IN_PARAGRAPHS}]")
# Invisible characters: blanks, joiners and other controls, and filler letters.
_INVISIBLE = (
    r"\s\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164"
    r"\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB"
)
# Plus those beyond U+FFFF, which not every reader of patterns supports: shorthand and music controls, tags, variants.
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
"""Any text in UTF-8, even with NUL, which PostgreSQL cannot store: passwords, and text that is not stored as it is."""

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
"""Several lines of such text, with tabs. All line ends become newlines."""

# Normalised first, then measured: constraints beside `strip_whitespace` would count the blanks.
Name = Annotated[
    SafeText,
    AfterValidator(_composed),
    AfterValidator(_refuse_invisible),
    Field(min_length=1, json_schema_extra={"pattern": f"^[^{_REFUSED}]*[^{_INVISIBLE}{_REFUSED}][^{_REFUSED}]*$"}),
]
"""One line with at least one visible character, composed (NFC) and without the blanks around it."""


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
    """Read a body that is not a parameter of the route, a signed one for example.

    Raises:
        ValidationError: It is answered as for any other body: 400 if it is not JSON, else 422.
    """
    with _blaming_the_caller():
        return TypeAdapter(type_).validate_json(raw)


def is_of_the_caller(error: ValidationError) -> bool:
    """True for an error in a client's input, False for one in data of our own."""
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


# A factory, since a default would appear in the OpenAPI document, and generated clients would send it.
LEFT_OUT: Any = Field(default_factory=_left_out)
"""The default of every field of a `PatchBody`, for when the client does not send it."""


class PatchBody(RequestBody):
    """The base of every body of a PATCH: each field may be left out, and is then left unchanged.

    Write `nickname: Nickname | None = LEFT_OUT`, and get the sent fields by `data.model_dump(exclude_unset=True)`.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if field.default_factory is not _left_out:
                raise TypeError(f"{cls.__name__}.{name} is a field of a PATCH body: write `= LEFT_OUT` behind it")


class ResponseData(BaseModel):
    """The base of everything in `data`: read from a model by its attributes, exactly the declared fields."""

    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)
