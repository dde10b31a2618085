from datetime import timedelta
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import EnvSettings


class Settings(EnvSettings):
    """Durations are seconds in the environment."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    registration: Literal["open", "closed"] = "open"
    access_token_ttl: int = Field(default=900, ge=60, le=3600)
    refresh_grace: int = Field(default=10, ge=0, le=60)
    session_idle_ttl: int = Field(default=7 * 86_400, ge=300)
    session_absolute_ttl: int = Field(default=30 * 86_400, ge=300)
    sessions_per_user: int = Field(default=20, ge=1)
    bcrypt_cost: int = Field(default=12, ge=4, le=16)
    hash_queue: int = Field(default=64, ge=0)
    password_min_length: int = Field(default=15, ge=8, le=64)
    token_issuer: str = Field(default="modular-monolith", min_length=1)
    token_audience: str = Field(default="modular-monolith-api", min_length=1)

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.refresh_grace)

    @property
    def idle(self) -> timedelta:
        return timedelta(seconds=self.session_idle_ttl)

    @property
    def absolute(self) -> timedelta:
        return timedelta(seconds=self.session_absolute_ttl)
