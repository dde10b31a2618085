"""Keeps the developer's settings away from tests."""

import os
from collections.abc import Iterator

from shared.assembly.discovery import Modules
from shared.settings.secret_files import file_names
from shared.settings.settings import EnvSettings


def forget_the_developers_settings(modules: Modules) -> None:
    """Remove all settings in the environment and `.env`, so that no test meets a developer's mail server or Redis."""
    for module in modules.values():
        module.part("settings")  # defines its class
    classes: list[type[EnvSettings]] = [EnvSettings, *_derived_from(EnvSettings)]
    for settings in classes:
        settings.model_config["env_file"] = None
        for name in _variables(settings):
            os.environ.pop(name, None)


def _derived_from(settings: type[EnvSettings]) -> Iterator[type[EnvSettings]]:
    for derived in settings.__subclasses__():
        yield derived
        yield from _derived_from(derived)


def _variables(settings: type[EnvSettings]) -> Iterator[str]:
    prefix = settings.model_config.get("env_prefix") or ""
    for name, field in settings.model_fields.items():
        yield str(field.validation_alias or f"{prefix}{name}").upper()
    yield from file_names(settings)
