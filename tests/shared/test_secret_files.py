"""Each secret setting, of the service and of modules, can come from a file; no message shows what is in it."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import EnvSettings, Settings, SettingsError, load_settings
from shared.settings.settings import DatabaseSettings

KEY = "a-key-from-a-file-7Hq2Xv9Rk4Wd8Zt3Bn6"
SECRETS = {
    "JWT_SECRET_KEY": KEY,
    "DATABASE_URL": "postgresql://app:canary-7Hq2@db/app",
    "SMTP_URL": "smtp://app:canary-7Hq2@mail:587",
    "THROTTLE_STORAGE": "redis://:canary-7Hq2@redis:6379",
}


class ModuleSettings(EnvSettings):
    model_config = SettingsConfigDict(env_file=None, env_prefix="CHAT_")

    api_key: SecretStr | None = None
    room: str = "hall"


class Service(Settings):
    model_config = SettingsConfigDict(env_file=None)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    files = {}
    for name, secret in {**SECRETS, "CHAT_API_KEY": KEY}.items():
        files[name] = tmp_path / name.lower()
        files[name].write_text(f"{secret}\n", encoding="utf-8")
        monkeypatch.setenv(f"{name}_FILE", str(files[name]))
    return files


@pytest.mark.usefixtures("files")
def test_every_secret_is_read_from_its_file() -> None:
    service, module, alembic = Service(), ModuleSettings(), DatabaseSettings(_env_file=None)

    for name, secret in SECRETS.items():
        assert getattr(service, name.lower()).get_secret_value() == secret
    assert module.api_key == SecretStr(KEY)
    assert alembic.database_url.get_secret_value() == SECRETS["DATABASE_URL"]


def test_what_is_wrong_with_a_file_is_said_with_the_other_faults_and_without_the_secret(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", SECRETS["DATABASE_URL"])
    monkeypatch.setenv("APP_PORT", "0")
    files["JWT_SECRET_KEY"].unlink()
    files["CHAT_API_KEY"].write_text("\n", encoding="utf-8")
    files["SMTP_URL"].write_bytes(b"smtp://\xffcanary-7Hq2")
    files["THROTTLE_STORAGE"].write_text("nonsense://canary-7Hq2", encoding="utf-8")

    with pytest.raises(SettingsError) as refused:
        load_settings(Service, ModuleSettings)

    lines = str(refused.value).splitlines()[1:]
    assert sorted(line.split(":")[0].strip(" -") for line in lines) == [
        "APP_PORT",
        "CHAT_API_KEY_FILE",
        "DATABASE_URL_FILE",
        "JWT_SECRET_KEY_FILE",
        "SMTP_URL_FILE",
        "THROTTLE_STORAGE",
    ]
    assert "canary" not in str(refused.value)


def test_two_keys_on_two_lines_are_not_taken_for_one(files: dict[str, Path]) -> None:
    files["JWT_SECRET_KEY"].write_text(f"{SECRETS['JWT_SECRET_KEY']}\n{KEY * 4}\n", encoding="utf-8")

    with pytest.raises(SettingsError, match="JWT_SECRET_KEY: has several lines"):
        load_settings(Service)


def test_what_is_no_secret_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "room").write_text("attic", encoding="utf-8")
    monkeypatch.setenv("CHAT_ROOM_FILE", str(tmp_path / "room"))

    assert ModuleSettings().room == "hall"
