"""The languages of mails and messages."""

from typing import Literal, cast, get_args

Locale = Literal["en", "zh"]

LOCALES = get_args(Locale)
DEFAULT: Locale = "en"
MOST_LANGUAGES = 20


def preferred_locale(accept_language: str | None) -> Locale:
    """The best of our languages for an `Accept-Language` header, which may be anything (RFC 9110 12.5.4)."""
    wishes: list[tuple[float, str]] = []
    for wish in (accept_language or "").split(",")[:MOST_LANGUAGES]:
        language, _, quality = wish.replace(" ", "").partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        wishes.append((weight, language.lower().partition("-")[0]))
    # Sorting is stable: of equal wishes the first one counts.
    for weight, language in sorted(wishes, key=lambda wish: -wish[0]):
        if weight > 0 and language in LOCALES:
            return cast("Locale", language)
    return DEFAULT
