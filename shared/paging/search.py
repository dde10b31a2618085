"""Prefix search by an index, on every database: the columns for it, and the conditions."""

import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, String, and_, event, false, func
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from shared.database.models import Base
from shared.errors import ValidationFailed

SURROGATES = range(0xD800, 0xE000)
# One character may expand to many: U+FDFA is a sentence.
TOO_LONG = "This is too long: some of its characters stand for several."
DOT_ABOVE, DOTLESS_I = "\u0307", "\u0131"

_made = WeakSet[TypeEngine[str]]()


def search_text(text: str) -> str:
    """The form in which text is searched: case folded, accents composed, no wide letters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Turkish has a dotted and a dotless i, each with a capital; the dotless capital is the common I.
    return unicodedata.normalize("NFKC", folded).replace(DOT_ABOVE, "").replace(DOTLESS_I, "i")


def search_key(length: int) -> TypeEngine[str]:
    """The type of a column for prefix search. Assigning a longer text raises ValidationFailed.

    PostgreSQL sorts text by the rules of the database's language. With the collation C it compares code points, as the
    other databases do, and rows with the same prefix are neighbours in the index.
    """
    made = String(length).with_variant(String(length, collation="C"), "postgresql")
    _made.add(made)
    return made


def fits_key(length: int, key: Callable[[str], str] = search_text) -> AfterValidator:
    """Refuses a text whose key is longer than its column: for the field that a `search_key` is made from."""

    def check(value: str) -> str:
        if len(key(value)) > length:
            raise PydanticCustomError("key_too_long", TOO_LONG)
        return value

    return AfterValidator(check)


def is_search_key(type_: object) -> bool:
    return type_ in _made


@event.listens_for(Base, "attribute_instrument", propagate=True)
def _watch(_class: type, name: str, attribute: Any) -> None:
    """Refuse a key that is too long as invalid input, even if no field has checked it, before the database does."""
    columns = getattr(attribute.property, "columns", ())
    if not columns or not is_search_key(columns[0].type):
        return
    length = columns[0].type.length

    def check(_target: object, value: object, _before: object, _initiator: object) -> None:
        if isinstance(value, str) and len(value) > length:
            raise ValidationFailed.at(name, type_="key_too_long", msg=TOO_LONG)

    event.listen(attribute, "set", check)


@dataclass(frozen=True, slots=True, eq=False)
class BeginsWith:
    """A search term: an indexed `search_key` column, and the prefix in the same form."""

    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
    prefix: str

    def as_range(self, *, start: bool = True, end: bool = True) -> ColumnElement[bool]:
        """A range of the index, without its start or its end if another condition gives that.

        A planner makes no range of `LIKE` when the pattern is a parameter, and SQLite never does.
        """
        conditions = []
        if start:
            conditions.append(self.column >= self.prefix)
        if end and (beyond := _first_after(self.prefix)) is not None:
            conditions.append(self.column < beyond)
        if not conditions or self.prefix.endswith(" "):
            # MariaDB ignores trailing blanks in every comparison but this.
            conditions.append(self.column.startswith(self.prefix, autoescape=True))
        return and_(*conditions)

    @property
    def as_filter(self) -> ColumnElement[bool]:
        """A filter of rows that are read anyway. Wrapped in coalesce, so that no planner uses an index for it."""
        return func.coalesce(self.column.startswith(self.prefix, autoescape=True), false())


def _first_after(prefix: str) -> str | None:
    """The least text that sorts after all texts with this prefix; None if there is none."""
    prefix = prefix.rstrip(chr(sys.maxunicode))
    if not prefix:
        return None
    following = ord(prefix[-1]) + 1
    return prefix[:-1] + chr(SURROGATES.stop if following in SURROGATES else following)
