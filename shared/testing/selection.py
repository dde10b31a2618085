"""Which tests run: some only when `-m` names their marker, whatever else it says."""

import re

import pytest

ON_DEMAND = {"browser", "servers", "slow"}
SECONDS = 1800
"""The time limit of each: most of them go through many rounds. All others have that of `pyproject.toml`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # A `-m` in `addopts` would give way to the one on the command line, and `-m module_rules` start the slow ones.
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
