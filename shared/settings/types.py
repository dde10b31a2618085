"""The types of settings, which read and check their values.

No message repeats a value, which may hold a password.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from multiprocessing import parent_process
from pathlib import Path
from typing import Annotated, Any

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
)

from shared.database.addresses import database_url
from shared.mail.smtp import smtp_server
from shared.throttle.throttle import LIMITS, check_storage

MINIMUM_KEY_BYTES = 32
MINIMUM_DISTINCT_CHARACTERS = 12
EXACT_ORIGIN = re.compile(r"https?://[^*/?#@\s]+/?")
# At least five letters each: a random key would contain shorter ones now and then.
EXAMPLE_WORDS = ("change", "default", "example", "insert", "password", "replace", "secret", "your-", "your_")

HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]|\*")
ANY_HOST = "*"


def _comma_separated(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
"""Several values in one variable: `A,B`."""


def _none_is_no_limit(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


TimeLimit = Annotated[
    Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None, BeforeValidator(_none_is_no_limit)
]
"""Seconds, or the word `none`."""


def _checked_address(address: SecretStr) -> SecretStr:
    database_url(address.get_secret_value())
    return address


def _checked_smtp_url(address: SecretStr) -> SecretStr:
    smtp_server(address.get_secret_value())
    return address


def _web_address(value: str) -> str:
    try:
        url = HttpUrl(value)
    except ValidationError:  # its text would show the value
        url = None
    if url is None or any((url.username, url.password, url.query is not None, url.fragment is not None)):
        raise ValueError("must be an address such as https://app.example.com, without anything behind a ? or #")
    return str(url).rstrip("/")


def _checked_storage(address: SecretStr) -> SecretStr:
    check_storage(address.get_secret_value())
    return address


DatabaseAddress = Annotated[SecretStr, AfterValidator(_checked_address)]
SmtpAddress = Annotated[SecretStr, AfterValidator(_checked_smtp_url)]
StorageAddress = Annotated[SecretStr, AfterValidator(_checked_storage)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


def looks_like_an_example(key: str) -> bool:
    return len(set(key)) < MINIMUM_DISTINCT_CHARACTERS or any(word in key.lower() for word in EXAMPLE_WORDS)


def is_network(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.prefixlen > 0


def is_one_of_several_processes() -> bool:
    # The workers of `uvicorn --workers N` do not know their number, but have a parent; a single process has none.
    workers = os.environ.get("WEB_CONCURRENCY", "")
    return parent_process() is not None or (workers.isdecimal() and int(workers) > 1)


def keep_empty_limits(settings: type[BaseSettings], *sources: PydanticBaseSettingsSource) -> None:
    """Restore the limits that are set to an empty text, which sources leave out, so that they are refused."""
    prefix, fields = settings.model_config.get("env_prefix", ""), settings.model_fields.items()
    limits = {f"{prefix}{name}".lower() for name, field in fields if field.annotation == LIMITS}
    for source in sources:
        if isinstance(source, EnvSettingsSource):
            empty = {name.lower(): value for name, value in _written(source).items() if not value}
            source.env_vars = {**source.env_vars, **{name: empty[name] for name in limits & empty.keys()}}


def _written(source: EnvSettingsSource) -> Mapping[str, str | None]:
    if not isinstance(source, DotEnvSettingsSource):
        return os.environ
    return dotenv_values(source.env_file) if isinstance(source.env_file, str | Path) else {}
