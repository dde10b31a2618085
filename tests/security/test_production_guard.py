"""Production refuses to start on a bad setting: a real process, which names every fault at once and no value."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from modules.auth.settings import Settings as AuthSettings
from shared.settings import SettingsError, load_settings
from tests.project import Project
from tests.security.canaries import Canaries

GOOD_KEY = "mZ4vQ8xK1pW7nB3rT9yL5cH2fJ6gD0sA-uE_iO4aYqXw"
# Each has a canary in it where a value can have one.
BAD_KEYS = {
    "missing": "",
    "short": "canary-short",
    "an example": "change-me-{}",
    "of few characters": "canary-" + "na" * 20,
    "twice the same": "{},{}",
    "good, but the old one is short": f"{GOOD_KEY},canary",
}


def refusal(project: Project) -> str:
    """What it says before it ends."""
    result = project.run("python", "bootstrap.py", check=False)
    assert result.returncode != 0, result.stderr
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize("kind", BAD_KEYS)
def test_item_76_every_fault_is_named_at_once_and_no_value(sqlite_project: Project, kind: str) -> None:
    canaries = Canaries()
    canary = canaries.new("a value")
    canaries.known("the beginning of a value", "canary")
    faults = {
        "JWT_SECRET_KEY": BAD_KEYS[kind].replace("{}", canary),
        "DEBUG": "true",
        "CORS_ORIGINS": f"https://*.{canary}.example",
        "ALLOWED_HOSTS": f"*,{canary}",
        "TRUSTED_PROXIES": f"*,{canary}",
        "PUBLIC_URL": f"http://{canary}.example",
        "MAIL_FROM": f"{canary}@localhost",
        "AUTH_BCRYPT_COST": canary,
        "AUTH_REFRESH_GRACE": "61",
    }
    others = {
        "APP_ENV": "production",
        "WEB_CONCURRENCY": "4",
        "SMTP_URL": f"smtp://app:{canary}@mail.example",
        "DATABASE_URL": f"sqlite:///./{canary}.db",
    }

    said = refusal(replace(sqlite_project, variables=faults | others))

    lines = [fault.split()[0].rstrip(":") for fault in json.loads(said)["faults"]]
    consents = {"ALLOW_SQLITE_IN_PRODUCTION", "ALLOW_THROTTLE_PER_PROCESS"}
    assert sorted(lines) == sorted({*faults, *consents})
    assert "Traceback" not in said
    assert canaries.in_text(said) == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, " cannot be read"),
        (b"canary-\xff\xfe", " cannot be read"),
        (b"canary-short", ": The password needs at least 15 characters."),
        (b"changeme123456789", ": The password is a common one"),
    ],
    ids=["missing", "no text", "short", "common"],
)
def test_item_76_the_first_administrator_has_no_bad_password(
    sqlite_project: Project, tmp_path: Path, content: bytes | None, fault: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    sqlite_project.alembic("upgrade", "heads")
    variables = {
        "APP_ENV": "production",
        "JWT_SECRET_KEY": GOOD_KEY,
        "ALLOW_SQLITE_IN_PRODUCTION": "true",
        "AUTH_BCRYPT_COST": "",
        "AUTH_BOOTSTRAP_ADMIN_EMAIL": "root@example.com",
        "AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE": str(file),
    }

    said = refusal(replace(sqlite_project, variables=variables))

    assert f"AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE{fault}" in said
    assert not [word for word in ("canary", "changeme") if word in said]


@pytest.mark.parametrize(
    ("environment", "cost", "is_refused"),
    [("production", "9", True), ("production", "10", False), ("test", "4", False)],
)
def test_item_10_production_refuses_cheap_hashes(
    monkeypatch: pytest.MonkeyPatch, environment: str, cost: str, is_refused: bool
) -> None:
    monkeypatch.setenv("APP_ENV", environment)
    monkeypatch.setenv("AUTH_BCRYPT_COST", cost)

    with pytest.raises(SettingsError, match=r"AUTH_BCRYPT_COST: must be at least 10") if is_refused else nullcontext():
        load_settings(AuthSettings)
