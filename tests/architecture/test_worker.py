"""What a service loads, and holds in memory for as long as it runs."""

from dataclasses import replace

from tests.project import Project

LOADED = "import bootstrap, sys; bootstrap.app.state.runtime.authenticator; print('\\n'.join(sys.modules))"
FOR_COMMANDS = {"alembic", "mako", "typer"}
FOR_OTHER_SETTINGS = {"redis", "aiosqlite", "sqlite3"}
FOR_TESTS = {"pytest", "shared.testing", "modules.auth.testing"}


def test_a_service_loads_nothing_that_only_commands_tests_or_other_settings_need(sqlite_project: Project) -> None:
    on_a_server = replace(sqlite_project, database="postgresql://nobody@127.0.0.1:1/nothing")
    loaded = set(on_a_server.run("python", "-c", LOADED).stdout.split())

    assert "fastapi" in loaded
    assert not loaded & (FOR_COMMANDS | FOR_OTHER_SETTINGS | FOR_TESTS)


def test_alembic_finds_the_branches_in_a_process_that_has_loaded_the_service_before(sqlite_project: Project) -> None:
    heads = "from alembic import command, config; command.heads(config.Config('alembic.ini'))"

    assert {"auth", "users"} <= {
        label.strip("()")
        for label in sqlite_project.run("python", "-c", f"import bootstrap; bootstrap.app; {heads}").stdout.split()
        if "(" in label
    }
