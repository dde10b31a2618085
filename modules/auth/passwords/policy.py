"""Checks new passwords: they must be long, and not easy to guess."""

import re
import unicodedata
from collections.abc import Iterator

from modules.auth.passwords.guessable import SHORTEST_WORD, is_guessable
from shared.errors import ValidationFailed

MAXIMUM_CHARACTERS = 256
MAXIMUM_BYTES = 1024
FEWEST_DISTINCT_CHARACTERS = 5


class PasswordPolicy:
    """No composition rules, no expiry, any script, blanks included (OWASP ASVS 5.0, 6.2)."""

    def __init__(self, minimum_length: int, app_name: str) -> None:
        self._minimum = minimum_length
        self._app_words = tuple(_words(app_name))

    def require_good(self, password: str, *personal: str | None, field: str = "password") -> None:
        """Check a new password.

        Args:
            personal: Texts about its owner: the e-mail address, the nickname.

        Raises:
            ValidationFailed: Naming the rule; the password itself is not in it.
        """
        for type_, message, limits in self._faults(password, personal):
            raise ValidationFailed.at("body", field, type_=type_, msg=message, params=limits)

    def _faults(self, password: str, personal: tuple[str | None, ...]) -> Iterator[tuple[str, str, dict[str, int]]]:
        # The form that is hashed, so that "é" counts once however it was typed.
        password = unicodedata.normalize("NFC", password)
        if len(password) < self._minimum:
            message = f"The password needs at least {self._minimum} characters."
            yield "password_too_short", message, {"min_length": self._minimum}
        if len(password) > MAXIMUM_CHARACTERS or len(password.encode()) > MAXIMUM_BYTES:
            message = f"The password may have at most {MAXIMUM_CHARACTERS} characters."
            yield "password_too_long", message, {"max_length": MAXIMUM_CHARACTERS}
        folded = _folded(password)
        if len(set(folded)) < FEWEST_DISTINCT_CHARACTERS:
            yield "password_too_simple", "The password repeats too few characters.", {}
        if is_guessable(folded):
            message = "The password is a common one, or made of common words, keys in a row or repetition."
            yield "password_too_common", message, {}
        words = {*self._app_words, *(word for text in personal if text for word in _words(text))}
        if any(word in folded for word in words):
            message = "The password contains your name, your e-mail address or this service's name."
            yield "password_too_obvious", message, {}


def _words(text: str) -> Iterator[str]:
    """The words of a text that a password must not contain (ASVS 6.2.11).

    For an address, the whole of it and the words before the @. The domain is mostly a mail provider's, and its words
    (live, post, home) occur in many good passwords.
    """
    local_part, at, _ = _folded(text).partition("@")
    if at:
        yield _folded(text)
    for word in re.split(r"[\W_]+", local_part):
        if len(word) >= SHORTEST_WORD:
            yield word


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
