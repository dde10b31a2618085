"""Finds walks over a keyboard, letters and digits in order, and repeated keys."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

# The keys of four layouts from the top row to the bottom one; each row is half a key further right than the one above.
LAYOUTS = (
    ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"),
    ("1234567890ß", "qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-"),
    ("1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"),
    ("1234567890-=", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю."),
)
# The signs on the digits' keys, on the most frequent layout; `!QAZ@WSX` is a walk, too.
SHIFTED = str.maketrans("!@#$%^&*()", "1234567890")
SHORTEST_WALK = 3
LONGEST_STEP = 2  # "acegikm", "97531"


def longest_walk(text: str) -> int:
    """The length of the longest walk that the text begins with; one if there is none."""
    return max(_in_order(text), *(_next_to_each_other(text, pairs) for pairs in _neighbours()))


def _in_order(text: str) -> int:
    """The number of letters or digits at the beginning with the same step: "abcd", "4321", "zzzz", "aceg"."""
    steps = [ord(second) - ord(first) for first, second in pairwise(text)]
    length = 1
    for step, character in zip(steps, text[1:], strict=True):
        if step != steps[0] or abs(step) > LONGEST_STEP or not (character.islower() or character.isdigit()):
            break
        length += 1
    return length


def _next_to_each_other(text: str, pairs: frozenset[tuple[str, str]]) -> int:
    length = 1
    for pair in pairwise(text):
        if pair not in pairs:
            break
        length += 1
    return length


@cache
def _neighbours() -> tuple[frozenset[tuple[str, str]], ...]:
    """For each layout the pairs of keys that touch, and each key with itself."""
    return tuple(frozenset(_pairs(layout)) for layout in LAYOUTS)


def _pairs(layout: Sequence[str]) -> Iterator[tuple[str, str]]:
    at = {(row, column): key for row, keys in enumerate(layout) for column, key in enumerate(keys)}
    for (row, column), key in at.items():
        for place in ((row, column), (row, column + 1), (row + 1, column - 1), (row + 1, column)):
            if (other := at.get(place)) is not None:
                yield key, other
                yield other, key
