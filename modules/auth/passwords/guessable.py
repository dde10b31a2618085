"""Recognises common passwords and their well-known variations, which attackers try first."""

import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from modules.auth.passwords.keyboards import SHIFTED, SHORTEST_WALK, longest_walk

COMMON_PASSWORDS = Path(__file__).parent / "common_passwords.txt"
COMMONEST = 1000

# These are weak even with blanks in between; other words may be part of a phrase.
PLACEHOLDERS = frozenset(
    {"password", "passwort", "passwd", "pass", "letmein", "iloveyou", "welcome", "login", "changeme", "admin"}
    | {"administrator", "secret", "default", "test"}
)
LETTERS_MEANT = str.maketrans("013457@$!", "oieastasi")

# Good passwords contain shorter words by chance.
SHORTEST_WORD = 4
LONGEST_WORD = 20
SHORTEST_UNIT = 8

# Attackers try all sequences of this many words: of the thousand commonest, and of the whole list.
FEW_OF_THE_COMMONEST = 3
FEW_OF_ALL = 2
# One additional letter in this many does not make walks and placeholders stronger.
LETTERS_PER_LEFTOVER = 10


def is_guessable(folded: str) -> bool:
    """True if a folded password is a common one, a series of common ones, a walk over the keyboard or a repetition.

    Digits and signs around it make no difference, nor does respelling (p@ssw0rd) or writing it backwards. Several words
    with blanks or signs between them are a phrase, and allowed.
    """
    body = _stripped(folded)
    core = _repeated(body)
    if len(core) < SHORTEST_WORD or _repeats_little(folded) or _repeats_little(body):
        return True
    cores = {core, _stripped(core, pictures=True), _stripped(_repeated(folded))}
    spellings = {form for one in cores for form in (one, one.translate(LETTERS_MEANT), one.translate(SHIFTED))}
    return not common_passwords().isdisjoint(_variants(folded, spellings)) or any(
        _is_put_together(form) for one in spellings if one for form in (one, one[::-1])
    )


def _variants(folded: str, spellings: set[str]) -> Iterator[str]:
    yield folded
    yield _repeated(folded)
    for text in (folded, *spellings):
        yield from (text, text[::-1], squeezed := _squeezed(text), squeezed.strip("0123456789"))


def _is_put_together(text: str) -> bool:
    squeezed = _squeezed(text)
    if _is_covered(squeezed, PLACEHOLDERS, price=0, budget=len(squeezed) // LETTERS_PER_LEFTOVER):
        return True
    return text.isalnum() and (
        _is_covered(text, commonest_passwords(), price=1, budget=FEW_OF_THE_COMMONEST)
        or _is_covered(text, common_passwords(), price=1, budget=FEW_OF_ALL, letter=FEW_OF_ALL + 1)
    )


def _is_covered(text: str, words: frozenset[str], *, price: int, budget: int, letter: int = 1) -> bool:
    """True if words and walks at `price`, and letters at `letter`, make up the text for `budget`; digits are free."""
    costs = [0, *[budget + 1] * len(text)]
    for start in range(len(text)):
        if costs[start] <= budget:
            single = 0 if text[start].isdigit() else letter
            costs[start + 1] = min(costs[start + 1], costs[start] + single)
            for end in _ends(text, start, words):
                costs[end] = min(costs[end], costs[start] + price)
    return costs[-1] <= budget


def _ends(text: str, start: int, words: frozenset[str]) -> Iterator[int]:
    """The ends of the words and walks that begin at `start`."""
    ahead = text[start : start + LONGEST_WORD]
    for length in range(SHORTEST_WALK, longest_walk(ahead) + 1):
        yield start + length
    for length in range(SHORTEST_WORD, len(ahead) + 1):
        if ahead[:length] in words:
            yield start + length


def _repeats_little(text: str) -> bool:
    """True for a short text that is repeated, unless it has pictures or ideographs, of which a few are enough."""
    unit = _repeated(text)
    is_short = len(unit) < SHORTEST_UNIT and len(text) >= 2 * len(unit)
    return is_short and not any(unicodedata.category(one) in {"Lo", "So"} for one in unit)


def _repeated(text: str) -> str:
    """The shortest text that gives this one when it is repeated: "abc" for "abcabcab"."""
    return next((text[:end] for end in range(1, len(text)) if text.startswith(text[end:])), text)


def _stripped(text: str, *, pictures: bool = False) -> str:
    """The text without digits, signs and blanks around it, in any script; with `pictures`, also without pictures."""
    kept = [number for number, one in enumerate(text) if _is_letter(one) or (_is_picture(one) and not pictures)]
    return text[kept[0] : kept[-1] + 1] if kept else ""


def _squeezed(text: str) -> str:
    return "".join(one for one in text if one.isdigit() or _is_letter(one) or _is_picture(one))


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) == "So"


@cache
def common_passwords() -> frozenset[str]:
    return frozenset(_listed())


@cache
def commonest_passwords() -> frozenset[str]:
    return frozenset(islice(_listed(), COMMONEST))


def _listed() -> Iterator[str]:
    lines = COMMON_PASSWORDS.read_text(encoding="utf-8").splitlines()
    return (line for line in lines if not line.startswith("#"))
