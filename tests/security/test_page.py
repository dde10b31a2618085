"""docs/security.md lists every item of the checklist, and the tests that hold it are the tests there are."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.project import ROOT

LAST_ITEM = 88
ROW = re.compile(r"\| (\d+) \| ([MSB]) \| (.+) \| (.+) \| (.+) \|")
TEST = re.compile(r"`(?:([a-z_/]+\.py)::)?(test_item_\d+\w+)`")


@dataclass(frozen=True)
class Row:
    priority: str
    explanation: str
    tests: frozenset[str]


def rows() -> dict[int, Row]:
    found: dict[int, Row] = {}
    for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines():
        if match := ROW.fullmatch(line):
            number, priority, _, explanation, tests = match.groups()
            assert int(number) not in found, number
            found[int(number)] = Row(priority, explanation, frozenset(name for _, name in TEST.findall(tests)))
    return found


def numbered_tests() -> Iterator[str]:
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_item_"):
                yield node.name


def test_the_page_lists_every_item_of_the_checklist() -> None:
    assert sorted(rows()) == list(range(1, LAST_ITEM + 1))


def test_the_page_names_the_tests_there_are() -> None:
    by_item: dict[int, set[str]] = defaultdict(set)
    for name in numbered_tests():
        by_item[int(name.split("_")[2])].add(name)

    assert {number: set(row.tests) for number, row in rows().items() if row.tests} == dict(by_item)


def test_every_must_has_a_test_and_every_absence_an_explanation() -> None:
    for number, row in rows().items():
        assert row.tests or row.priority != "M", f"item {number} is a must and has no test"
        assert row.explanation.strip(), f"item {number} says nothing"
