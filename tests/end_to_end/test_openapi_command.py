"""`manage openapi`: the document of this code, the same on every machine."""

import json
from dataclasses import replace

from tests.project import Project


def test_the_document_does_not_depend_on_the_environment(sqlite_project: Project) -> None:
    plain = sqlite_project.run("manage", "openapi").stdout
    elsewhere = {"APP_NAME": "Other", "PUBLIC_URL": "https://app.example.com", "AUTH_PASSWORD_MIN_LENGTH": "20"}
    in_production = {"APP_ENV": "production", "JWT_SECRET_KEY": "", "DATABASE_URL": "", "MAX_BODY_BYTES": "nonsense"}

    assert json.loads(plain)["info"]["title"] == "Modular Monolith"
    assert replace(sqlite_project, variables=elsewhere).run("manage", "openapi").stdout == plain
    assert replace(sqlite_project, variables=in_production).run("manage", "openapi").stdout == plain


def test_the_document_is_written_and_compared(sqlite_project: Project) -> None:
    kept = sqlite_project.path / "docs" / "openapi.json"
    sqlite_project.run("manage", "openapi", "--output", "docs/openapi.json")
    assert kept.read_text(encoding="utf-8") == sqlite_project.run("manage", "openapi").stdout
    sqlite_project.run("manage", "openapi", "--check")

    text = kept.read_text(encoding="utf-8")
    kept.write_text(text.replace("Log in", "Log out", 1), encoding="utf-8")
    differing = sqlite_project.run("manage", "openapi", "--check", check=False)
    kept.unlink()
    missing = sqlite_project.run("manage", "openapi", "--check", check=False)

    for result in (differing, missing):
        assert result.returncode == 1
        assert "uv run manage openapi --output docs/openapi.json" in result.stderr
    assert "Log out" in differing.stderr


def test_a_modules_own_settings_may_have_no_default(sqlite_project: Project) -> None:
    folder = sqlite_project.add_module("notes")
    settings = (
        "from pydantic_settings import SettingsConfigDict\nfrom shared.settings import EnvSettings\n\n\n"
        "class Settings(EnvSettings):\n    model_config = SettingsConfigDict(env_prefix='NOTES_')\n\n    key: str\n"
    )
    (folder / "settings.py").write_text(settings, encoding="utf-8")

    without = sqlite_project.run("manage", "openapi", check=False)
    document = replace(sqlite_project, variables={"NOTES_KEY": "x"}).run("manage", "openapi").stdout

    assert without.returncode == 1
    assert "NOTES_KEY is missing" in without.stderr
    assert "/api/notes" in json.loads(document)["paths"]
