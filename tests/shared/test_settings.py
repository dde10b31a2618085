"""Settings are checked all at once, strictly in production, and no message ever shows a value."""

import base64
import hashlib
import secrets
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from modules.auth.settings import Settings as AuthSettings
from shared.keys import KeyRing
from shared.settings import Settings, SettingsError, load_settings
from shared.settings.settings import DatabaseSettings
from shared.testing.applications import SECRET
from tests.conftest import settings_for

SQLITE = "sqlite:///./app.db"
POSTGRESQL = "postgresql://app:pw@db.example/app"
CANARY = "CANARY-3f1b9c"


class OnlyEnvironment(Settings):
    """The settings without the developer's `.env`."""

    model_config = SettingsConfigDict(env_file=None)


class OnlyAuthEnvironment(AuthSettings):
    model_config = SettingsConfigDict(env_file=None)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing set but what the test sets."""
    for settings in (Settings, AuthSettings):
        for name in settings.model_fields:
            monkeypatch.delenv(f"{settings.model_config.get('env_prefix') or ''}{name}".upper(), raising=False)
    return monkeypatch


def loaded(*classes: type[BaseSettings], **variables: str) -> str:
    """The message with which loading fails; `variables` are those of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            load_settings(*(classes or (OnlyEnvironment,)))
    return str(caught.value)


def refusal(**values: Any) -> str:
    """The text of what building these settings raises."""
    with pytest.raises(ValidationError) as caught:
        settings_for(values.pop("database", POSTGRESQL), **values)
    return str(caught.value)


def test_every_fault_is_reported_at_once_and_without_its_value(environment: pytest.MonkeyPatch) -> None:
    message = loaded(
        OnlyEnvironment,
        OnlyAuthEnvironment,
        APP_ENV=f"production-{CANARY}",
        APP_PORT=f"{CANARY}",
        DEBUG=f"{CANARY}",
        DATABASE_URL=f"oracle://app:{CANARY}@db/app",
        JWT_SECRET_KEY=CANARY,
        CORS_ORIGINS=f"*{CANARY}",
        AUTH_BCRYPT_COST=f"{CANARY}",
        AUTH_REGISTRATION=CANARY,
    )

    faults = [line.strip(" -").partition(":")[0] for line in message.splitlines()[1:]]
    assert sorted(faults) == [
        "APP_ENV",
        "APP_PORT",
        "AUTH_BCRYPT_COST",
        "AUTH_REGISTRATION",
        "CORS_ORIGINS",
        "DATABASE_URL",
        "DEBUG",
        "JWT_SECRET_KEY",
    ]
    assert CANARY not in message


def test_item_76_every_production_guard_reports_even_when_another_setting_is_wrong(
    environment: pytest.MonkeyPatch,
) -> None:
    message = loaded(APP_ENV="production", APP_PORT="0", DEBUG="true", JWT_SECRET_KEY="change-me-" * 4)

    assert all(f"  - {name}: " in message for name in ("APP_PORT", "DEBUG", "JWT_SECRET_KEY"))
    assert "ALLOW_SQLITE_IN_PRODUCTION=true" in message
    assert len(message.splitlines()) == 5


@pytest.mark.parametrize("app_env", ["development", "test", "production"])
def test_item_76_a_missing_secret_is_named_with_the_way_to_make_one(
    environment: pytest.MonkeyPatch, app_env: str
) -> None:
    message = loaded(APP_ENV=app_env, DATABASE_URL=POSTGRESQL)

    assert message.splitlines()[1:] == [
        "  - JWT_SECRET_KEY is missing; make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
    ]


def test_a_variable_that_is_empty_is_not_set(environment: pytest.MonkeyPatch) -> None:
    assert "JWT_SECRET_KEY is missing" in loaded(JWT_SECRET_KEY="", APP_PORT="")


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("JWT_SECRET_KEY", SECRET)
    environment.setenv("CORS_ORIGINS", "https://a.example/, https://b.example:8443 ,")
    environment.setenv("DISABLED_MODULES", "auth")
    environment.setenv("AUTH_REFRESH_GRACE", "3")

    settings, auth = load_settings(OnlyEnvironment, OnlyAuthEnvironment)

    assert isinstance(settings, Settings)
    assert isinstance(auth, AuthSettings)
    assert settings.cors_origins == ("https://a.example", "https://b.example:8443")
    assert settings.disabled_modules == ("auth",)
    assert auth.refresh_grace == 3


def test_alembic_needs_no_secret(environment: pytest.MonkeyPatch) -> None:
    class OnlyDatabase(DatabaseSettings):
        model_config = SettingsConfigDict(env_file=None)

    (settings,) = load_settings(OnlyDatabase)

    assert settings.database_url.get_secret_value() == SQLITE


@pytest.mark.parametrize("app_env", ["development", "test", "production"])
@pytest.mark.parametrize("key", ["k" * 31, "é" * 15 + "x", "short", f"{SECRET},short", f"short,{SECRET}", f"{SECRET},"])
def test_item_76_a_key_that_is_too_short_is_refused_everywhere_in_the_ring(app_env: str, key: str) -> None:
    message = refusal(app_env=app_env, jwt_secret_key=key)

    assert "each key needs at least 32 bytes" in message
    assert key not in message


def test_a_key_is_measured_in_bytes() -> None:
    assert settings_for(SQLITE, jwt_secret_key="é" * 16).secret_keys == ("é" * 16,)


@pytest.mark.parametrize(
    "key",
    [
        "change-me-change-me-change-me-change-me",
        "CHANGEME-5d8a2c7e9f1b4036a8c2e4f6b8d0a1c3",
        "your-secret-key-here-0123456789abcdef0123",
        "insert_key_0123456789abcdefghijklmnopqrst",
        "replace-5d8a2c7e9f1b4036a8c2e4f6b8d0a1c3x",
        "a" * 64,
        "0123456789" * 5,
    ],
)
def test_item_76_a_key_that_looks_like_an_example_is_refused_in_production(key: str) -> None:
    for ring in (key, f"{secrets.token_urlsafe(48)},{key}"):
        message = refusal(app_env="production", jwt_secret_key=ring)
        assert "looks like an example; make one with" in message
        assert key not in message
    assert settings_for(POSTGRESQL, app_env="development", jwt_secret_key=key)


def test_what_the_hint_makes_is_good_enough_for_production() -> None:
    for number in range(200):
        # As random as the hint's keys, and the same in every run.
        key = base64.urlsafe_b64encode(hashlib.shake_256(str(number).encode()).digest(48)).decode()
        assert settings_for(POSTGRESQL, app_env="production", jwt_secret_key=key).secret_keys == (key,)


def test_the_ring_signs_with_the_first_key_and_accepts_all() -> None:
    old, new = secrets.token_urlsafe(48), secrets.token_urlsafe(48)

    before = KeyRing(settings_for(SQLITE, jwt_secret_key=old).secret_keys)
    during = KeyRing(settings_for(SQLITE, jwt_secret_key=f" {new} , {old} ").secret_keys)
    after = KeyRing(settings_for(SQLITE, jwt_secret_key=new).secret_keys)

    signed_before, signed_during = before.sign("p", b"message"), during.sign("p", b"message")
    assert during.verify("p", b"message", signed_before)
    assert after.verify("p", b"message", signed_during)
    assert not before.verify("p", b"message", signed_during)
    assert not after.verify("p", b"message", signed_before)


def test_item_76_debug_is_refused_in_production_only() -> None:
    assert "must be off in production" in refusal(app_env="production", debug=True)
    assert settings_for(SQLITE, app_env="development", debug=True).debug


def test_item_76_sqlite_in_production_needs_consent() -> None:
    assert "ALLOW_SQLITE_IN_PRODUCTION=true" in refusal(database=SQLITE, app_env="production")
    assert settings_for(SQLITE, app_env="production", allow_sqlite_in_production=True).is_production
    assert settings_for(POSTGRESQL, app_env="production").is_production
    assert not settings_for(SQLITE, app_env="test").is_production


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.example.com",
        "https://*",
        "app.example.com",
        "null",
        "ftp://app.example.com",
        "https://a.example/path",
    ],
)
def test_item_64_an_origin_that_is_not_exact_is_refused(origin: str) -> None:
    for origins in (origin, f"https://app.example.com,{origin}"):
        assert "no wildcards, no paths" in refusal(cors_origins=origins)


def test_secrets_show_neither_in_the_text_of_settings_nor_in_their_json() -> None:
    settings = settings_for(f"postgresql://app:{CANARY}@db/app")

    for text in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert SECRET not in text
        assert CANARY not in text
