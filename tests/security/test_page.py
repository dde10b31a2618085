"""docs/security.md lists every item of the checklist, and the tests that hold it are the tests there are."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.project import ROOT

LAST_ITEM = 88
ITEM = re.compile(r"^### (\d+)\. [^\n]+ \((must|should|beyond)\)\n(.*?)(?=^###? |\Z)", re.MULTILINE | re.DOTALL)
# A file, with its tests below it.
FILE_OR_TEST = re.compile(r"^- `(tests/[\w/]+\.py)`$|^  - `(test_item_\d+\w+)`$", re.MULTILINE)

Test = tuple[str, str]
"""The file, and the name."""


@dataclass(frozen=True)
class Item:
    priority: str
    explanation: str
    tests: frozenset[Test]


def items() -> dict[int, Item]:
    found: dict[int, Item] = {}
    for number, priority, text in ITEM.findall((ROOT / "docs" / "security.md").read_text(encoding="utf-8")):
        assert int(number) not in found, number
        explanation, *tests = text.split("<details>")
        found[int(number)] = Item(priority, explanation, frozenset(listed_tests("".join(tests))))
    return found


def listed_tests(text: str) -> Iterator[Test]:
    file = ""
    for new_file, name in FILE_OR_TEST.findall(text):
        file = new_file or file
        if name:
            yield file, name


def numbered_tests() -> Iterator[Test]:
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_item_"):
                yield file.relative_to(ROOT).as_posix(), node.name


def test_the_page_lists_every_item_of_the_checklist() -> None:
    assert sorted(items()) == list(range(1, LAST_ITEM + 1))


def test_the_page_names_the_tests_there_are() -> None:
    by_item: dict[int, set[Test]] = defaultdict(set)
    for file, name in numbered_tests():
        by_item[int(name.split("_")[2])].add((file, name))

    assert {number: set(item.tests) for number, item in items().items() if item.tests} == dict(by_item)


def test_every_must_has_a_test_and_every_absence_an_explanation() -> None:
    for number, item in items().items():
        assert item.tests or item.priority != "must", f"item {number} is a must and has no test"
        assert item.explanation.strip(), f"item {number} says nothing"
