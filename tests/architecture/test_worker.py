"""What a service loads, and holds in memory for as long as it runs."""

from tests.project import Project

LOADED = "import bootstrap, sys; bootstrap.app; print('\\n'.join(sys.modules))"
FOR_COMMANDS = {"alembic", "mako", "typer"}
FOR_OTHER_SETTINGS = {"redis"}


def test_a_service_loads_nothing_that_only_commands_or_other_settings_need(sqlite_project: Project) -> None:
    loaded = set(sqlite_project.run("python", "-c", LOADED).stdout.split())

    assert "fastapi" in loaded
    assert not loaded & (FOR_COMMANDS | FOR_OTHER_SETTINGS)
