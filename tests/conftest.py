from pathlib import Path

import pytest

from modules.auth.settings import Settings as AuthSettings
from modules.auth.testing import log_in, make_admin, sign_up
from shared.testing import Account, MakeApp, MovableClock, client_of, module_settings, settings_for
from tests.project import Project, copy_project

__all__ = [
    "UNLIMITED",
    "Account",
    "MakeApp",
    "MovableClock",
    "client_of",
    "log_in",
    "make_admin",
    "module_settings",
    "settings_for",
    "sign_up",
]

collect_ignore = ["fixtures"]  # modules to be dropped in: their tests run where they stand then

UNLIMITED = {name: "none" for name in AuthSettings.model_fields if "_limit_per_" in name}
"""Settings of auth for tests that try more often than a person would: `make_app(auth=UNLIMITED)`."""


@pytest.fixture
def project(tmp_path: Path, empty_database: str) -> Project:
    """A copy of the project that the test may change, with an empty database, on each server in turn."""
    return Project(copy_project(tmp_path / "project"), empty_database)


@pytest.fixture
def sqlite_project(tmp_path: Path) -> Project:
    """A copy of the project on SQLite, for what has nothing to do with the database server."""
    return Project(copy_project(tmp_path / "project"), f"sqlite:///{tmp_path / 'test.db'}")
