"""Messages in the caller's language. English stands in the code; `messages/<language>.toml` beside it has the others.

`shared/` has such a file, and each module brings its own. `[messages]` has translations by the English text, with the
same {parameters}; `[faults]` has those of faults of the input, by their type. What is missing is said in English.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shared.locales import DEFAULT, LOCALES, Locale, preferred_locale
from shared.request import current_request

FOLDER = Path(__file__).parent

Table = dict[str, str]


class Texts:
    """What all these files say, of `shared/` and of the given folders."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._tables: dict[tuple[Locale, str], Table] = {}
        for folder in (FOLDER, *folders):
            for locale in LOCALES:
                file = folder / "messages" / f"{locale}.toml"
                if locale != DEFAULT and file.is_file():
                    self._add(locale, tomllib.loads(file.read_text(encoding="utf-8")))

    def _add(self, locale: Locale, tables: dict[str, Table]) -> None:
        for name, table in tables.items():
            self._tables.setdefault((locale, name), {}).update(table)

    def message(self, english: str, locale: Locale) -> str | None:
        """The translation, with its parameters still in it."""
        return self._tables.get((locale, "messages"), {}).get(english)

    def fault(self, type_: str, locale: Locale) -> str | None:
        return self._tables.get((locale, "faults"), {}).get(type_)


def spoken(english: str, params: Mapping[str, Any] | None = None) -> str:
    """A message as the caller reads it. Without parameters it is taken as it is, braces and all."""
    return _filled(_translated(english), params) or _filled(english, params) or english


def spoken_fault(fault: Mapping[str, Any]) -> str:
    """What is wrong with a field, as the caller reads it, by its English text or else by its type."""
    english, params = str(fault["msg"]), fault["params"]
    texts, locale = _texts_and_language()
    translation = texts.fault(fault["type"], locale) if texts else None
    return _translated(english) or _filled(translation, params) or english


def _translated(english: str) -> str | None:
    texts, locale = _texts_and_language()
    return texts.message(english, locale) if texts else None


def _filled(text: str | None, params: Mapping[str, Any] | None) -> str | None:
    """None when it cannot be filled in: a translation may want what this failure does not have."""
    try:
        return text if text is None or params is None else text.format_map(params)
    except (KeyError, ValueError, IndexError):
        return None


def _texts_and_language() -> tuple[Texts | None, Locale]:
    request = current_request.get()
    if request.headers is None:  # a command, not a request
        return None, DEFAULT
    if request.language is None:
        # RFC 9110 5.3: several lines of one header are one list.
        request.language = preferred_locale(",".join(request.headers.getlist("accept-language")))
    return request.texts, request.language
