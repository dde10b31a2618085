"""Selects the tests to run: some run only when `-m` names their marker."""

import re

import pytest

ON_DEMAND = {"browser", "servers", "slow"}
SECONDS = 1800
"""The time limit of each of these, as most repeat many rounds. All others have that of `pyproject.toml`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The command line's `-m` replaces one in `addopts`, so that `-m module_rules` would start the slow ones.
    named = set(re.findall(r"\w+", config.getoption("markexpr")))
    left_out = []
    for item in items:
        if markers := {marker.name for marker in item.iter_markers()} & ON_DEMAND:
            item.add_marker(pytest.mark.timeout(SECONDS))
            if not markers & named:
                left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
