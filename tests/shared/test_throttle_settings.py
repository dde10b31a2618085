"""Several processes must count together, and what is wrong with the storage is said before the first request."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from modules.auth.settings import Settings as AuthSettings
from shared.settings import Settings, SettingsError, load_settings
from shared.testing.applications import SECRET
from tests.conftest import settings_for
from tests.project import Project

POSTGRESQL = "postgresql://app:pw@db.example/app"
REDIS = "redis://cache.example/0"
GOOD_KEY = "mZ4vQ8xK1pW7nB3rT9yL5cH2fJ6gD0sA-uE_iO4aYqXw"
OTHER_KEY = GOOD_KEY[::-1]
CANARY = "CANARY-3f1b9c"


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One process, until the test says more."""
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    return monkeypatch


def in_production(**values: object) -> Settings:
    return settings_for(POSTGRESQL, **({"app_env": "production", "jwt_secret_key": GOOD_KEY} | values))


@pytest.mark.parametrize(
    "storage", ["memory://", "redis://h", "redis://:pw@h:6379/3", "rediss://u:p%40w@h:6380?ssl_cert_reqs=required"]
)
def test_tries_are_counted_in_memory_or_in_redis(storage: str) -> None:
    assert settings_for(POSTGRESQL, throttle_storage=storage).throttle_storage.get_secret_value() == storage


@pytest.mark.parametrize(
    "storage",
    [
        f"memory://{CANARY}",
        f"memcached://{CANARY}:11211",
        f"unix:///{CANARY}.sock",
        f"redis://:{CANARY}@",
        f"redis://:{CANARY}@h:port/0",
        f"redis://:{CANARY}/x@h:6379",
        f"redis://:{CANARY}@h?no_such_option=1",
        f"redis://:{CANARY}@h?socket_timeout=soon",
        f"async+redis://:{CANARY}@h",
        CANARY,
    ],
)
def test_another_storage_is_refused_and_not_shown(storage: str) -> None:
    with pytest.raises(ValidationError, match="must be memory://, redis://") as refused:
        settings_for(POSTGRESQL, throttle_storage=storage)

    assert CANARY not in str(refused.value)


def test_a_password_of_redis_does_not_show_in_the_settings() -> None:
    settings = settings_for(POSTGRESQL, throttle_storage=f"redis://:{CANARY}@h")

    for text in (repr(settings), settings.model_dump_json()):
        assert CANARY not in text


@pytest.mark.parametrize("number", ["2", "16"])
def test_item_76_several_workers_in_production_count_in_redis_or_with_consent(
    workers: pytest.MonkeyPatch, number: str
) -> None:
    workers.setenv("WEB_CONCURRENCY", number)

    with pytest.raises(ValidationError, match="ALLOW_THROTTLE_PER_PROCESS=true"):
        in_production()
    assert in_production(throttle_storage=REDIS)
    assert in_production(allow_throttle_per_process=True)
    assert settings_for(POSTGRESQL, app_env="development")


@pytest.mark.parametrize("number", [None, "", "1", "many"])
def test_one_process_counts_in_memory(workers: pytest.MonkeyPatch, number: str | None) -> None:
    if number is not None:
        workers.setenv("WEB_CONCURRENCY", number)

    assert in_production()


def test_item_76_the_same_key_twice_is_refused_in_production() -> None:
    for ring in (f"{GOOD_KEY},{GOOD_KEY}", f"{GOOD_KEY},{OTHER_KEY}, {GOOD_KEY}"):
        with pytest.raises(ValidationError, match="holds the same key twice") as refused:
            in_production(jwt_secret_key=ring)
        assert GOOD_KEY not in str(refused.value)

    assert in_production(jwt_secret_key=f"{GOOD_KEY},{OTHER_KEY}")
    assert settings_for(POSTGRESQL, jwt_secret_key=f"{SECRET},{SECRET}")


def test_item_76_workers_that_would_count_for_themselves_end_the_server_with_one_message_each(
    sqlite_project: Project,
) -> None:
    variables = {
        "APP_ENV": "production",
        "JWT_SECRET_KEY": GOOD_KEY,
        "ALLOW_SQLITE_IN_PRODUCTION": "true",
        "AUTH_BCRYPT_COST": "",
    }
    project = replace(sqlite_project, variables=variables)

    under_uvicorn = project.run(
        "python", "-m", "uvicorn", "bootstrap:app", "--port", "0", "--workers", "2", check=False
    )
    by_itself = replace(project, variables=variables | {"WEB_CONCURRENCY": "2"}).run(
        "python", "bootstrap.py", check=False
    )

    assert 1 <= under_uvicorn.stderr.count("ALLOW_THROTTLE_PER_PROCESS=true") <= 2
    assert under_uvicorn.returncode != 0
    assert by_itself.returncode == 1
    assert by_itself.stderr.count("ALLOW_THROTTLE_PER_PROCESS=true") == 1
    for result in (under_uvicorn, by_itself):
        assert "Traceback" not in result.stderr


LIMIT = "AUTH_LOGIN_LIMIT_PER_ADDRESS"


def test_a_limit_that_is_left_empty_is_a_fault_and_none_is_no_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env = tmp_path / ".env"
    for written in ("", "  "):
        monkeypatch.setenv(LIMIT, written)
        with pytest.raises(ValidationError, match="or none for no limit"):
            AuthSettings(_env_file=None)
    monkeypatch.setenv(LIMIT, "none")
    assert AuthSettings(_env_file=None).login_limit_per_address == ()
    monkeypatch.delenv(LIMIT)

    env.write_text(f"{LIMIT}=\nAUTH_REGISTRATION=\n", encoding="utf-8")
    with pytest.raises(ValidationError, match="or none for no limit"):
        AuthSettings(_env_file=env)
    monkeypatch.setenv(LIMIT, "7/minute")
    assert len(AuthSettings(_env_file=env).login_limit_per_address) == 1
    monkeypatch.delenv(LIMIT)
    env.write_text("AUTH_REGISTRATION=\nAUTH_REFRESH_GRACE=\n", encoding="utf-8")
    assert AuthSettings(_env_file=env) == AuthSettings.as_delivered()


def test_the_fault_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "")
    with pytest.raises(SettingsError, match=f"{LIMIT}: must read like 5/5 minutes; 20/hour, or none for no limit"):
        load_settings(AuthSettings)
