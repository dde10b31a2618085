import re

from pydantic import field_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import CommaSeparated, EnvSettings

DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")


class Settings(EnvSettings):
    model_config = SettingsConfigDict(env_prefix="USERS_")

    private_domains: CommaSeparated = ()

    @field_validator("private_domains")
    @classmethod
    def _domains_are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        domains = tuple(domain.lower().removeprefix(".") for domain in value)
        if not all(DOMAIN.fullmatch(domain) for domain in domains):
            raise ValueError("list domains such as local or corp.internal: no wildcards, no addresses")
        return domains
