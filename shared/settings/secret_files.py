"""Secrets from files: any secret setting NAME can be given as NAME_FILE, the path of a file that holds it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class SecretFiles(PydanticBaseSettingsSource):
    """Reads the files. Unreadable ones are left out here, and reported by `file_faults`."""

    def __init__(self, settings_cls: type[BaseSettings], env_file: Any) -> None:
        super().__init__(settings_cls)
        self._env_file = env_file

    def __call__(self) -> dict[str, Any]:
        given = written(self._env_file)
        return {
            field: secret
            for field, name in _secrets(self.settings_cls)
            if (path := given.get(f"{name}_FILE")) and (secret := _read(path)[0])
        }

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - theirs
        return None, field_name, False


def file_faults(settings: type[BaseSettings]) -> dict[str, str]:
    """The faults of the files, by the names of their settings."""
    given = written(settings.model_config.get("env_file"))
    faults = {}
    for _, name in _secrets(settings):
        if not (path := given.get(f"{name}_FILE")):
            continue
        _, fault = _read(path)
        if given.get(name):
            fault = f"{name} is set, too: take one of the two away"
        if fault:
            faults[name] = f"{name}_FILE: {fault}"
    return faults


def written(env_file: Any) -> Mapping[str, str | None]:
    """The values in the environment and in the file of settings, by upper-case names."""
    of_file = dotenv_values(env_file) if isinstance(env_file, str | Path) else {}
    return {name.upper(): value for name, value in [*of_file.items(), *os.environ.items()] if value}


def file_names(settings: type[BaseSettings]) -> list[str]:
    return [f"{name}_FILE" for _, name in _secrets(settings)]


def _secrets(settings: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """Each secret field, with the name of its variable."""
    prefix = settings.model_config.get("env_prefix") or ""
    for field, info in settings.model_fields.items():
        if _holds_secret(info.annotation):
            yield field, f"{prefix}{field}".upper()


def _holds_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_holds_secret(one) for one in get_args(annotation))


def _read(path: str) -> tuple[str, str]:
    """The secret without the line end that editors add, and the fault, which does not quote the file."""
    try:
        secret = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a file of UTF-8 text"
        return "", f"the file {path} cannot be read: {reason}"
    return secret, "" if secret else f"the file {path} is empty"
