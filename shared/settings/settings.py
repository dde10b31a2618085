"""Settings from the environment and `.env`, checked all at once, without ever showing a value."""

from contextvars import ContextVar
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.database.addresses import database_url
from shared.database.waits import Waits
from shared.mail.message import sender_address
from shared.mail.smtp import is_loopback
from shared.project import ROOT
from shared.settings.secret_files import SecretFiles, file_faults
from shared.settings.types import (
    ANY_HOST,
    EXACT_ORIGIN,
    HOST_PATTERN,
    MINIMUM_KEY_BYTES,
    CommaSeparated,
    DatabaseAddress,
    SmtpAddress,
    StorageAddress,
    TimeLimit,
    WebAddress,
    is_network,
    is_one_of_several_processes,
    keep_empty_limits,
    looks_like_an_example,
)
from shared.throttle.throttle import MEMORY, RateLimits, rate_limits

PRODUCTION_DRAIN_DELAY_SECONDS = 5.0
ENV_FILE = ROOT / ".env"
NEW_KEY_HINT = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
S = TypeVar("S", bound=BaseSettings)

_reads_nothing: ContextVar[bool] = ContextVar("reads_nothing", default=False)


class SettingsError(Exception):
    """Some settings are wrong. The message lists every fault, one a line, and no value."""


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

    @classmethod
    def as_delivered(cls, **values: Any) -> Self:
        """The default settings, except for `values`; the environment and `.env` are ignored."""
        token = _reads_nothing.set(True)
        try:
            return cls(**values)
        finally:
            _reads_nothing.reset(token)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        keep_empty_limits(settings_cls, env_settings, dotenv_settings)
        files = SecretFiles(settings_cls, getattr(dotenv_settings, "env_file", None))
        outside = (env_settings, dotenv_settings, files, file_secret_settings)
        return (init_settings,) if _reads_nothing.get() else (init_settings, *outside)


class DatabaseSettings(EnvSettings):
    """The settings for `alembic`, which works without the application's secrets."""

    database_url: DatabaseAddress = SecretStr("sqlite:///./app.db")
    migration_lock_timeout: int = Field(default=300, ge=1, description="Seconds to wait for another process's upgrade.")


class Settings(DatabaseSettings):
    """The settings of the application itself; modules have their own, with their name as the prefix."""

    app_name: str = Field(default="Modular Monolith", min_length=1)
    app_env: Literal["development", "test", "production"] = "development"
    debug: bool = False
    app_host: str = "127.0.0.1"
    app_port: int = Field(default=8000, ge=1, le=65535)
    database_pool_size: int = Field(default=10, ge=1, le=1000)
    database_connect_timeout_seconds: float = Field(default=5, gt=0, allow_inf_nan=False)
    database_pool_timeout_seconds: float = Field(default=5, gt=0, allow_inf_nan=False)
    database_statement_timeout_seconds: TimeLimit = 20
    database_lock_timeout_seconds: TimeLimit = 5
    database_idle_in_transaction_timeout_seconds: TimeLimit = 60
    readiness_timeout_seconds: float = Field(default=1, gt=0, allow_inf_nan=False)
    jwt_secret_key: SecretStr
    sqlite_minimum_free_bytes: int = Field(default=1_048_576, ge=0)
    allow_sqlite_in_production: bool = Field(default=False, validate_default=True)
    disabled_modules: CommaSeparated = ()
    cors_origins: CommaSeparated = ()
    max_body_bytes: int = Field(default=1_048_576, ge=1024)
    max_public_body_bytes: int = Field(default=16_384, ge=1024)
    body_timeout_seconds: float = Field(default=30, gt=0, allow_inf_nan=False)
    request_timeout_seconds: TimeLimit = 60
    max_head_bytes: int = Field(default=65_536, ge=4096)
    head_timeout_seconds: float = Field(default=10, gt=0, allow_inf_nan=False)
    drain_delay_seconds: float | None = Field(default=None, ge=0, le=300)
    shutdown_timeout_seconds: float = Field(default=30, ge=2, le=3600, validate_default=True)
    public_limit_per_address: RateLimits = rate_limits("300/minute")
    throttle_storage: StorageAddress = SecretStr(MEMORY)
    allow_throttle_per_process: bool = Field(default=False, validate_default=True)
    trusted_proxies: CommaSeparated = ()
    client_ipv6_prefix: int = Field(default=64, ge=32, le=128)
    allowed_hosts: CommaSeparated = ()
    smtp_url: SmtpAddress | None = None
    mail_from: str = Field(default="no-reply@localhost", validate_default=True)
    public_url: WebAddress = Field(default="http://127.0.0.1:8000", validate_default=True)

    @property
    def is_production(self) -> bool:
        return self.app_env == "production"

    @property
    def logs_are_json(self) -> bool:
        """False in development, where people read the log."""
        return self.app_env != "development"

    @property
    def waits(self) -> Waits:
        """The time limits for the database."""
        return Waits(
            connect=self.database_connect_timeout_seconds,
            pool=self.database_pool_timeout_seconds,
            statement=self.database_statement_timeout_seconds,
            lock=self.database_lock_timeout_seconds,
            idle_in_transaction=self.database_idle_in_transaction_timeout_seconds,
            readiness=self.readiness_timeout_seconds,
        )

    @property
    def drain_delay(self) -> float:
        if self.drain_delay_seconds is None:
            return PRODUCTION_DRAIN_DELAY_SECONDS if self.is_production else 0
        return self.drain_delay_seconds

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The key ring: the first one signs, all are accepted."""
        return tuple(key.strip() for key in self.jwt_secret_key.get_secret_value().split(","))

    # The production guards are field validators, as a model validator would be skipped as soon as a field is faulty,
    # and an operator would learn of the faults one start at a time.

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
        if any(len(key.splitlines()) > 1 for key in keys):
            raise ValueError("has several lines; several keys stand on one, with commas between them")
        if info.data.get("app_env") == "production" and any(looks_like_an_example(key) for key in keys):
            raise ValueError(f"looks like an example; {NEW_KEY_HINT}")
        if info.data.get("app_env") == "production" and len(set(keys)) < len(keys):
            raise ValueError("holds the same key twice; while it is changed it is OLD,NEW and then NEW,OLD")
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

    @field_validator("allow_throttle_per_process")
    @classmethod
    def _several_processes_count_together(cls, value: bool, info: ValidationInfo) -> bool:
        if info.data.get("app_env") != "production" or "throttle_storage" not in info.data or value:
            return value
        if info.data["throttle_storage"].get_secret_value() == MEMORY and is_one_of_several_processes():
            raise ValueError(
                f"THROTTLE_STORAGE is {MEMORY}, so each worker counts for itself; use redis://..., "
                "or consent to limits that are as many times as high with ALLOW_THROTTLE_PER_PROCESS=true"
            )
        return value

    @field_validator("shutdown_timeout_seconds")
    @classmethod
    def _draining_ends_in_time(cls, value: float, info: ValidationInfo) -> float:
        if value <= (info.data.get("drain_delay_seconds") or 0):
            raise ValueError("must be longer than DRAIN_DELAY_SECONDS, which is a part of it")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_network(one) for one in value):
            raise ValueError("list addresses, or networks such as 10.0.0.0/8; not names, and not everybody")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_names(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        hosts = tuple(host.lower() for host in value)
        if not all(HOST_PATTERN.fullmatch(host) for host in hosts):
            raise ValueError("list host names without scheme and port, such as api.example.com or *.example.com")
        if ANY_HOST in hosts and info.data.get("app_env") == "production":
            raise ValueError(f"{ANY_HOST} allows every host; list those under which the API is reached")
        return hosts

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_exact(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(EXACT_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("list exact origins such as https://app.example.com: no wildcards, no paths")
        return tuple(origin.rstrip("/") for origin in value)

    @field_validator("mail_from")
    @classmethod
    def _mail_has_a_sender(cls, value: str, info: ValidationInfo) -> str:
        if is_loopback(sender_address(value).domain) and _sends_mail_in_production(info):
            raise ValueError("must be set with SMTP_URL, to an address of your own")
        return value

    @field_validator("public_url")
    @classmethod
    def _links_in_mails_are_safe(cls, value: str, info: ValidationInfo) -> str:
        url = HttpUrl(value)
        if _sends_mail_in_production(info) and (url.scheme != "https" or is_loopback(url.host or "")):
            raise ValueError("must be set with SMTP_URL, to the https address that the links in mails begin with")
        return value


def _sends_mail_in_production(info: ValidationInfo) -> bool:
    return info.data.get("app_env") == "production" and info.data.get("smtp_url") is not None


def load_settings(*classes: type[S]) -> list[S]:
    """Read each settings class from the environment and `.env`.

    Raises:
        SettingsError: With the faults of all classes together.
    """
    loaded, faults = [], []
    for settings in classes:
        of_files = file_faults(settings)
        try:
            loaded.append(settings())
        except ValidationError as error:
            prefix = settings.model_config.get("env_prefix", "")
            found = error.errors(include_input=False, include_context=False)
            faults += [_fault(prefix, one) for one in found if _name(prefix, one) not in of_files]
        faults += of_files.values()
    if faults:
        raise SettingsError("\n".join(["The settings are not usable:", *(f"  - {fault}" for fault in faults)]))
    return loaded


def _fault(prefix: str, error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = _name(prefix, error)
    if error["type"] == "missing":
        return f"{name} is missing" + (f"; {NEW_KEY_HINT}" if name == "JWT_SECRET_KEY" else "")
    return f"{name}: {message}"


def _name(prefix: str, error: Any) -> str:
    return f"{prefix}{error['loc'][0]}".upper() if error["loc"] else ""
