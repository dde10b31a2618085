"""Messages in the language of the caller."""

from collections.abc import Mapping
from typing import Any

from shared.context import current_request
from shared.locales import DEFAULT, Locale, preferred_locale
from shared.translations import Texts


def spoken(english: str, params: Mapping[str, Any] | None = None) -> str:
    """A message in the caller's language. Without parameters, braces in it stay as they are."""
    return _filled(_translated(english), params) or _filled(english, params) or english


def spoken_fault(fault: Mapping[str, Any]) -> str:
    """A field's fault in the caller's language, looked up by its English text, else by its type."""
    english, params = str(fault["msg"]), fault["params"]
    texts, locale = _texts_and_language()
    translation = texts.fault(fault["type"], locale) if texts else None
    return _translated(english) or _filled(translation, params) or english


def _translated(english: str) -> str | None:
    texts, locale = _texts_and_language()
    return texts.message(english, locale) if texts else None


def _filled(text: str | None, params: Mapping[str, Any] | None) -> str | None:
    """None if it cannot be filled in: a translation may use a parameter that this failure lacks."""
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
