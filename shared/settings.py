"""Settings from the environment and `.env`, checked all at once, without ever showing a value."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.database import ROOT, database_url

ENV_FILE = ROOT / ".env"
MINIMUM_KEY_BYTES = 32
NEW_KEY_HINT = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
MINIMUM_DISTINCT_CHARACTERS = 12
# None shorter than five letters: a random key would be refused now and then.
EXAMPLE_WORDS = ("change", "default", "example", "insert", "password", "replace", "secret", "your-", "your_")

S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """Some settings are wrong. The message lists every fault, one a line, and no value."""


def _comma_separated(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
"""Several values in one variable: `A,B`."""


def _checked_address(address: SecretStr) -> SecretStr:
    database_url(address.get_secret_value())
    return address


class EnvSettings(BaseSettings):
    """The base of every settings class, `shared` and modules alike."""

    # hide_input_in_errors: the text of a validation error would carry the secret that was too short.
    # env_ignore_empty: `JWT_SECRET_KEY=` in a copied .env.example means "not set".
    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class DatabaseSettings(EnvSettings):
    """What `alembic` needs; it works without the application's secrets."""

    database_url: Annotated[SecretStr, AfterValidator(_checked_address)] = SecretStr("sqlite:///./app.db")
    migration_lock_timeout: int = Field(default=300, ge=1, description="Seconds to wait for another process's upgrade.")


class Settings(DatabaseSettings):
    """The settings of the application itself; modules have their own, with their name as the prefix."""

    app_name: str = Field(default="Modular Monolith", min_length=1)
    app_env: Literal["development", "test", "production"] = "development"
    debug: bool = False
    app_host: str = "127.0.0.1"
    app_port: int = Field(default=8000, ge=1, le=65535)
    jwt_secret_key: SecretStr
    allow_sqlite_in_production: bool = Field(default=False, validate_default=True)
    disabled_modules: CommaSeparated = ()
    cors_origins: CommaSeparated = ()
    max_body_bytes: int = Field(default=1_048_576, ge=1024)

    @property
    def is_production(self) -> bool:
        return self.app_env == "production"

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The key ring: the first one signs, all are accepted."""
        return tuple(key.strip() for key in self.jwt_secret_key.get_secret_value().split(","))

    # The production guards are field validators, not one model validator: that would be skipped as soon as a field is
    # faulty, and an operator would learn of the faults one start after the other.

    @field_validator("debug")
    @classmethod
    def _debug_stays_in_development(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("app_env") == "production":
            raise ValueError("must be off in production")
        return value

    @field_validator("jwt_secret_key")
    @classmethod
    def _keys_are_secret(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        keys = [key.strip() for key in value.get_secret_value().split(",")]
        if any(len(key.encode()) < MINIMUM_KEY_BYTES for key in keys):
            raise ValueError(f"each key needs at least {MINIMUM_KEY_BYTES} bytes; {NEW_KEY_HINT}")
        if info.data.get("app_env") == "production" and any(_looks_like_an_example(key) for key in keys):
            raise ValueError(f"looks like an example; {NEW_KEY_HINT}")
        return value

    @field_validator("allow_sqlite_in_production")
    @classmethod
    def _sqlite_in_production_is_wanted(cls, value: bool, info: ValidationInfo) -> bool:
        if info.data.get("app_env") != "production" or "database_url" not in info.data or value:
            return value
        if database_url(info.data["database_url"].get_secret_value()).get_backend_name() == "sqlite":
            raise ValueError(
                "DATABASE_URL is SQLite; use PostgreSQL in production, "
                "or consent to one machine and one file with ALLOW_SQLITE_IN_PRODUCTION=true"
            )
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_exact(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("*" in origin or not origin.startswith(("http://", "https://")) for origin in value):
            raise ValueError("list exact origins such as https://app.example.com; wildcards are not accepted")
        return tuple(origin.rstrip("/") for origin in value)


def _looks_like_an_example(key: str) -> bool:
    return len(set(key)) < MINIMUM_DISTINCT_CHARACTERS or any(word in key.lower() for word in EXAMPLE_WORDS)


def load_settings(*classes: type[S]) -> list[S]:
    """Read each settings class from the environment and `.env`.

    Raises:
        SettingsError: With the faults of all classes together.
    """
    loaded, faults = [], []
    for settings in classes:
        try:
            loaded.append(settings())
        except ValidationError as error:
            prefix = settings.model_config.get("env_prefix", "")
            faults += [_fault(prefix, one) for one in error.errors(include_input=False, include_context=False)]
    if faults:
        raise SettingsError("\n".join(["The settings are not usable:", *(f"  - {fault}" for fault in faults)]))
    return loaded


def _fault(prefix: str, error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = f"{prefix}{error['loc'][0]}".upper()
    if error["type"] == "missing":
        return f"{name} is missing" + (f"; {NEW_KEY_HINT}" if name == "JWT_SECRET_KEY" else "")
    return f"{name}: {message}"
