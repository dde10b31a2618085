"""Text that is safe to store, to sort and to show again; and the base of every request and response body."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from types import EllipsisType
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

T = TypeVar("T")

# Bidirectional overrides and isolates: they make a text show other than it is.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# The same for readers of the OpenAPI document, who know no Unicode categories.
_REFUSED = r"\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069"
_NO_CONTROL_CHARACTERS = f"^[^{_REFUSED}]*$"
_NOT_ONLY_BLANKS = rf"^[^{_REFUSED}]*[^\s{_REFUSED}][^{_REFUSED}]*$"


def _refuse_surrogates(value: object) -> object:
    # JSON may carry half of a surrogate pair ("\ud800"); no database and no UTF-8 answer can.
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("contains half of a surrogate pair")
    return value


def _refuse_control_characters(value: str) -> str:
    if any(unicodedata.category(character) == "Cc" or character in _BIDI for character in value):
        raise ValueError("contains control characters")
    return value


AnyText = Annotated[str, BeforeValidator(_refuse_surrogates)]
"""Any text that UTF-8 can carry: passwords."""

SafeText = Annotated[
    AnyText, AfterValidator(_refuse_control_characters), Field(json_schema_extra={"pattern": _NO_CONTROL_CHARACTERS})
]
"""One line of text without control characters or bidirectional overrides: search terms, descriptions."""

# Stripped first, then measured: constraints beside `strip_whitespace` would see the blanks.
Name = Annotated[
    SafeText, AfterValidator(str.strip), Field(min_length=1, json_schema_extra={"pattern": _NOT_ONLY_BLANKS})
]
"""The same, without the blanks around it and not empty."""


class RequestBody(BaseModel):
    """The base of every body that a client sends: unknown fields, NaN and Infinity are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_max_length=10_000)

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
