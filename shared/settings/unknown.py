"""Finds unknown settings: a misspelt name would silently leave the default in force."""

import os
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic_settings import BaseSettings

from shared.settings.secret_files import file_names

ALIKE = 0.9


def unknown_settings(classes: Collection[type[BaseSettings]], env_file: Any) -> list[str]:
    """The names that no class has: all those in the file, and those in the environment that look like settings."""
    prefixes = tuple({prefix.upper() for one in classes if (prefix := one.model_config.get("env_prefix"))})
    known = {
        f"{one.model_config.get('env_prefix') or ''}{name}".upper() for one in classes for name in one.model_fields
    }
    known |= {name for one in classes for name in file_names(one)}
    of_file = {name.upper() for name in dotenv_values(env_file)} if isinstance(env_file, str | Path) else set()
    found = []
    for name in sorted((of_file | {name.upper() for name in os.environ}) - known):
        alike = get_close_matches(name, known, 1, ALIKE)
        if alike or name in of_file or (prefixes and name.startswith(prefixes)):
            found.append(f"{name} (did you mean {alike[0]}?)" if alike else name)
    return found
