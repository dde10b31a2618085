"""Messages in the caller's language. English stands in the code; `messages/<language>.toml` beside it has the others.

`shared/` has such a file, and each module brings its own. `[messages]` has translations by the English text, with the
same {parameters}; `[faults]` has those of faults of the input, by their type. Without a translation it is English.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path

from shared.locales import DEFAULT, LOCALES, Locale

FOLDER = Path(__file__).parent

Table = dict[str, str]


class Texts:
    """The translations of `shared/` and of the given folders."""

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
