"""Cursors: the position where a page ended, signed so that clients cannot forge one."""

import base64
import binascii
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy.orm import InstrumentedAttribute

from shared.errors import ValidationFailed
from shared.keys import KeyRing

PURPOSE = "cursor"
SIGNATURE_BYTES = 32
# An index of MariaDB takes 768 characters at most, so sorting by longer text than this would use none.
LONGEST_TEXT = 1000
LONGEST_NAME = 64
# The longest value with four bytes for each character, in Base64. Servers accept addresses of 8 KB.
LONGEST_CURSOR = -(-4 * (SIGNATURE_BYTES + LONGEST_NAME + len(str(UUID(int=0))) + 2 + 4 * LONGEST_TEXT) // 3)

Position = tuple[Any, UUID]
"""A row's value in the sort column, and its key."""


class Cursors:
    """Writes and reads cursors. Every value that the column can hold survives the round trip."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def write(self, sort: str, form: "Form", position: Position) -> str:
        value, key = position
        # The value comes last and unescaped: JSON's escapes may take six bytes for a character.
        if value is None:
            raise TypeError(f"a row without a value has no place in the order: {sort!r} sorts by a nullable column")
        content = "\n".join([sort, str(key), form.write(value)]).encode()
        return base64.urlsafe_b64encode(self._keys.sign(PURPOSE, content) + content).decode().rstrip("=")

    def read(self, cursor: str, sort: str, form: "Form") -> Position:
        """Raises ValidationFailed if the cursor was not made by this service, or for another sort order."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            signature, content = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
            if self._keys.verify(PURPOSE, content, signature):
                made_for, key, value = content.decode().split("\n", 2)
                if made_for == sort:
                    return form.read(value), UUID(key)
        except (binascii.Error, ValueError, LookupError):
            pass
        raise ValidationFailed.at("query", "cursor", type_="cursor_invalid", msg="The cursor is not valid here.")


class Form:
    """Writes and reads the values of one type."""

    def __init__(self, type_: type) -> None:
        # Lossless, also for infinity and for bytes that are not UTF-8.
        config = ConfigDict(ser_json_inf_nan="constants", ser_json_bytes="base64", val_json_bytes="base64")
        self._adapter = TypeAdapter[Any](type_, config=config)

    def write(self, value: Any) -> str:
        return self._adapter.dump_json(value).decode()

    def read(self, text: str) -> Any:
        return self._adapter.validate_json(text)


class _Text(Form):
    def write(self, value: Any) -> str:
        return str(value)

    def read(self, text: str) -> Any:
        return text


class _Member(Form):
    """Writes a member of an enumeration as its name, since its value may be anything."""

    def __init__(self, type_: type[Enum]) -> None:
        self._members = type_.__members__

    def write(self, value: Any) -> str:
        return str(value.name)

    def read(self, text: str) -> Any:
        return self._members[text]


@cache
def form_of(column: InstrumentedAttribute[Any]) -> Form:
    """Raises TypeError if the column cannot be sorted by, as its longest value would not fit in a cursor."""
    type_ = column.type.python_type
    if issubclass(type_, Enum):
        # MariaDB sorts its ENUM by the order of the members and compares it by their names: a page would skip rows.
        if getattr(column.type, "native_enum", False):
            raise TypeError(f"{column} cannot be sorted by: give its Enum native_enum=False")
        return _Member(type_)
    if not issubclass(type_, str):
        return Form(type_)
    length = getattr(column.type, "length", None)
    if length is None or length > LONGEST_TEXT:
        raise TypeError(f"{column} cannot be sorted by: text needs a length, of at most {LONGEST_TEXT} characters")
    return _Text(type_)
