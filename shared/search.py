"""Finding what begins with the words of a search, by an index on every database."""

import sys
from dataclasses import dataclass

from sqlalchemy import ColumnElement, String, and_, false, func
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

SURROGATES = range(0xD800, 0xE000)


def search_key(length: int) -> TypeEngine[str]:
    """The type of a column that is searched by its beginning.

    PostgreSQL compares text by the rules of the database's language, unless told to compare code points as the others
    do: only then is all that begins alike in one place of the index.
    """
    return String(length).with_variant(String(length, collation="C"), "postgresql")


@dataclass(frozen=True, slots=True, eq=False)
class BeginsWith:
    """What a search looks for in one column: an indexed `search_key` without upper and lower case, like the prefix."""

    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
    prefix: str

    def looked_up(self, *, start: bool = True, end: bool = True) -> ColumnElement[bool]:
        """The condition for an index: a range, without its start or its end if something else says where that is.

        Not `LIKE`, which is no range where the pattern is a parameter, nor on SQLite.
        """
        conditions = []
        if start:
            conditions.append(self.column >= self.prefix)
        if end and (beyond := _first_after(self.prefix)) is not None:
            conditions.append(self.column < beyond)
        if not conditions or self.prefix.endswith(" "):
            # MariaDB leaves blanks at the end out of every comparison but this.
            conditions.append(self.column.startswith(self.prefix, autoescape=True))
        return and_(*conditions)

    @property
    def checked(self) -> ColumnElement[bool]:
        """The same for rows that are read anyway. Wrapped, so that no database takes it for a reason to read others."""
        return func.coalesce(self.column.startswith(self.prefix, autoescape=True), false())


def _first_after(prefix: str) -> str | None:
    """The least text that is greater than all that begin with the prefix; None if no text is."""
    prefix = prefix.rstrip(chr(sys.maxunicode))
    if not prefix:
        return None
    following = ord(prefix[-1]) + 1
    return prefix[:-1] + chr(SURROGATES.stop if following in SURROGATES else following)
