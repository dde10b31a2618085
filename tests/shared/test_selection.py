"""Which tests a command runs."""

import re
import tomllib

import pytest

from shared.project import ROOT
from shared.testing.selection import ON_DEMAND

pytest_plugins = ["pytester"]

PYTEST = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]

TESTS = """\
import pytest


def test_own(): ...


@pytest.mark.module_rules
def test_rule(): ...


@pytest.mark.slow
def test_slow(): ...


@pytest.mark.slow
@pytest.mark.module_rules
def test_slow_rule(): ...


@pytest.mark.servers
def test_servers(): ...
"""


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        ([], {"own", "rule"}),
        (["-m", "module_rules"], {"rule"}),
        (["-m", "not module_rules"], {"own"}),
        (["-m", "slow"], {"slow", "slow_rule"}),
        (["-m", "module_rules and slow"], {"slow_rule"}),
        (["-m", "servers or module_rules"], {"rule", "servers"}),
    ],
)
def test_what_is_slow_or_wants_servers_runs_only_when_it_is_named(
    pytester: pytest.Pytester, options: list[str], selected: set[str]
) -> None:
    pytester.makepyfile(TESTS)
    pytester.makeini("\n".join(["[pytest]", "markers =", *(f"    {one}" for one in PYTEST["markers"])]))

    said = pytester.runpytest_inprocess("-p", "shared.testing.selection", "--collect-only", "-q", *options)

    assert set(re.findall(r"::test_(\w+)", str(said.stdout))) == selected


def test_every_test_has_a_time_limit_and_every_marker_an_explanation() -> None:
    markers = dict(one.split(": ", 1) for one in PYTEST["markers"])

    assert 0 < PYTEST["timeout"] <= 600
    assert set(markers) == ON_DEMAND | {"module_rules"}
    assert "--strict-markers" in PYTEST["addopts"]
