"""Support for tests of modules: a pytest plugin, loaded by `pyproject.toml`, and the names that tests import.

The fixtures stand in `fixtures.py`, and docs/adding-a-module.md says how to use them; `selection.py` says which tests
run. Like tests, this package imports the application and puts it together; it knows no module by name. A module adds to
it in its own `testing.py`: fixtures for all tests, and `SETTINGS` for its own.
"""

import pytest

from shared.assembly.discovery import discover
from shared.module import ModuleError
from shared.testing.accounts import Account, CallerWith
from shared.testing.applications import MakeApp, client_of, module_settings, settings_for
from shared.testing.clock import MovableClock
from shared.testing.envelope import assert_failure, data_of, input_errors
from shared.testing.environment import forget_the_developers_settings
from shared.testing.fixtures import Override
from shared.testing.mailbox import Mailbox, link_token

__all__ = [
    "Account",
    "CallerWith",
    "Mailbox",
    "MakeApp",
    "MovableClock",
    "Override",
    "assert_failure",
    "client_of",
    "data_of",
    "input_errors",
    "link_token",
    "module_settings",
    "settings_for",
]


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Register the fixtures: before a `conftest.py` imports their files, after anyio's, one of which they replace."""
    try:
        modules = discover()
        forget_the_developers_settings(modules)
    except ModuleError as error:
        raise pytest.UsageError(str(error)) from None
    of_modules = [f"{module.package}.testing" for module in modules.values() if (module.path / "testing.py").exists()]
    for name in ("shared.testing.selection", "shared.testing.fixtures", *of_modules):
        early_config.pluginmanager.import_plugin(name)
