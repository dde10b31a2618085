from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import EnvSettings
from shared.throttle import RateLimits, rate_limits

CHEAPEST_IN_PRODUCTION = 10
"""The lowest cost of bcrypt, by OWASP's advice."""


class Settings(EnvSettings):
    """Durations are seconds in the environment. Limits read `5/5 minutes; 20/hour`, or `none`."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    # The application's own setting, for the checks in production.
    app_env: str = Field(default="development", validation_alias="APP_ENV")

    registration: Literal["open", "closed"] = "open"

    access_token_ttl: int = Field(default=900, ge=60, le=3600)
    token_algorithm: Literal["HS256", "EdDSA"] = "HS256"  # noqa: S105 - RFC 7518's name, no secret
    token_issuer: str = Field(default="modular-monolith", min_length=1)
    token_audience: str = Field(default="modular-monolith-api", min_length=1)

    refresh_grace: int = Field(default=10, ge=0, le=60)
    session_idle_ttl: int = Field(default=7 * 86_400, ge=300)
    session_absolute_ttl: int = Field(default=30 * 86_400, ge=300)
    sessions_per_user: int = Field(default=20, ge=1)

    bcrypt_cost: int = Field(default=12, ge=4, le=16)
    hash_queue: int = Field(default=64, ge=0)
    password_min_length: int = Field(default=15, ge=8, le=64)

    reset_token_ttl: int = Field(default=1800, ge=60, le=3600)
    verify_token_ttl: int = Field(default=86_400, ge=300, le=7 * 86_400)
    invitation_ttl: int = Field(default=7 * 86_400, ge=300, le=30 * 86_400)

    login_limit_per_address: RateLimits = rate_limits("30/minute")
    login_failure_limit_per_address: RateLimits = rate_limits("10/minute")
    login_failure_limit_per_account: RateLimits = rate_limits("5/5 minutes; 20/hour; 100/30 days")
    register_limit_per_address: RateLimits = rate_limits("20/minute")
    mail_limit_per_address: RateLimits = rate_limits("20/minute")
    mail_limit_per_account: RateLimits = rate_limits("5/hour")
    mail_limit_per_recipient: RateLimits = rate_limits("10/hour; 20/day")
    refresh_limit_per_address: RateLimits = rate_limits("600/minute")
    refresh_limit_per_session: RateLimits = rate_limits("60/minute")
    password_limit_per_session: RateLimits = rate_limits("5/minute; 20/hour; 100/30 days")
    password_limit_per_user: RateLimits = rate_limits("10/minute")

    bootstrap_admin_email: str | None = None
    bootstrap_admin_password_file: Path | None = None

    session_retention_days: int = Field(default=30, ge=0)
    audit_retention_days: int = Field(default=365, ge=1)

    @field_validator("bcrypt_cost")
    @classmethod
    def _hashes_are_slow_in_production(cls, value: int, info: ValidationInfo) -> int:
        if value < CHEAPEST_IN_PRODUCTION and info.data.get("app_env") == "production":
            raise ValueError(f"must be at least {CHEAPEST_IN_PRODUCTION} in production; less is for tests")
        return value

    @model_validator(mode="after")
    def _bootstrap_is_whole(self) -> Self:
        if (self.bootstrap_admin_email is None) != (self.bootstrap_admin_password_file is None):
            raise ValueError("AUTH_BOOTSTRAP_ADMIN_EMAIL and AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE are set together")
        return self

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.refresh_grace)

    @property
    def idle(self) -> timedelta:
        return timedelta(seconds=self.session_idle_ttl)

    @property
    def absolute(self) -> timedelta:
        return timedelta(seconds=self.session_absolute_ttl)
