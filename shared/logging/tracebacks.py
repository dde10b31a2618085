"""Formats exceptions for the log: their type and text, without the data that the text quotes.

Drivers, databases and pydantic quote the values that they refuse: `Key (email)=(ada@example.com) already exists`.
"""

import re
import traceback
from collections.abc import Iterator

from fastapi.exceptions import ValidationException
from pydantic import ValidationError
from sqlalchemy.exc import StatementError

DRIVERS = re.compile(r"(asyncpg|asyncmy|aiosqlite|sqlite3|sqlalchemy\.dialects)\b")
# Without the apostrophe of "can't", with the b of b'bytes'.
QUOTATION = re.compile(r"""(?:(?<!\w)|\bb)["'\u00ab\u2018\u201c\u201e]""")
# In these PostgreSQL quotes only names: of constraints, of columns, of missing objects.
HARMLESS_SQLSTATES = ("23", "42")
CODES = ("sqlstate", "sqlite_errorname")


def reason_of(error: BaseException) -> str:
    """One line: `IntegrityError: UniqueViolationError: duplicate key value ... "uq_users_email" (23505) [SQL: ...]`."""
    return _reason(error, is_of_database=False)


def format_exception(error: BaseException) -> str:
    """The exception with its causes, as Python prints it, without the data."""
    return "".join(_lines(error, is_of_database=False)).rstrip("\n")


def _reason(error: BaseException, *, is_of_database: bool) -> str:
    if isinstance(error, StatementError) and error.orig is not None:
        # Without a statement it happened while connecting: the text holds only names and addresses.
        text = (
            f"{_reason(error.orig, is_of_database=True)} [SQL: {error.statement}]"
            if error.statement
            else (f"{type(error.orig).__name__}: {_first_line(error.orig)}")
        )
    elif is_of_database or DRIVERS.match(type(error).__module__):
        text = _without_data(error)
    elif isinstance(error, ValidationError | ValidationException):
        text = ", ".join(f"{one['type']} at {'.'.join(map(str, one['loc']))}" for one in error.errors())
    else:
        text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _without_data(error: BaseException) -> str:
    """A driver's text, up to the first quotation."""
    codes = " ".join(code for name in CODES if (code := str(getattr(error, name, None) or "")))
    text = _first_line(error)
    if "asyncpg" not in type(error).__module__ or not codes.startswith(HARMLESS_SQLSTATES):
        text = QUOTATION.split(text, maxsplit=1)[0].rstrip()
    return f"{text} ({codes})" if codes else text


def _first_line(error: BaseException) -> str:
    # str(error) would include asyncpg's second line, which has the values.
    return " ".join(map(str, error.args)).partition("\n")[0]


def _lines(error: BaseException, *, is_of_database: bool) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _lines(cause, is_of_database=is_of_database or isinstance(error, StatementError))
        yield "\nwhich led to:\n\n"
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{_reason(error, is_of_database=is_of_database)}\n"
    if isinstance(error, BaseExceptionGroup):
        for number, one in enumerate(error.exceptions, 1):
            yield f"\n{number} of {len(error.exceptions)} in it:\n\n"
            yield from _lines(one, is_of_database=is_of_database)
