"""Which passwords are good enough: long ones that do not simply repeat what everybody knows about their owner."""

import re
from collections.abc import Iterator

from shared.errors import ValidationFailed

MAXIMUM_CHARACTERS = 256
MAXIMUM_BYTES = 1024
# Shorter words turn up inside good passwords by chance.
SHORTEST_CONTEXT_WORD = 4
FEWEST_DISTINCT_CHARACTERS = 5


class PasswordPolicy:
    """No composition rules, no expiry, any script, blanks included (OWASP ASVS 5.0, 6.2)."""

    def __init__(self, minimum_length: int, app_name: str) -> None:
        self._minimum = minimum_length
        self._app_words = tuple(_words(app_name))

    def require_good(self, password: str, *personal: str | None, field: str = "password") -> None:
        """Check a new password.

        Args:
            personal: What belongs to its owner: the e-mail address, the nickname.

        Raises:
            ValidationFailed: Naming the rule; the password itself is not in it.
        """
        for type_, message in self._faults(password, personal):
            raise ValidationFailed.at("body", field, type_=type_, msg=message)

    def _faults(self, password: str, personal: tuple[str | None, ...]) -> Iterator[tuple[str, str]]:
        if len(password) < self._minimum:
            yield "password_too_short", f"The password needs at least {self._minimum} characters."
        if len(password) > MAXIMUM_CHARACTERS or len(password.encode()) > MAXIMUM_BYTES:
            yield "password_too_long", f"The password may have at most {MAXIMUM_CHARACTERS} characters."
        folded = password.casefold()
        if len(set(folded)) < FEWEST_DISTINCT_CHARACTERS:
            yield "password_too_simple", "The password repeats too few characters."
        words = {*self._app_words, *(word for text in personal if text for word in _words(text))}
        if any(word in folded for word in words):
            yield "password_too_obvious", "The password contains your name, your e-mail address or this service's name."


def _words(text: str) -> Iterator[str]:
    # Of an address only the part before the @ is its owner's.
    for word in re.split(r"[\W_]+", text.casefold().partition("@")[0]):
        if len(word) >= SHORTEST_CONTEXT_WORD:
            yield word
