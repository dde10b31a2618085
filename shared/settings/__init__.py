"""Settings from the environment, from `.env` and from files."""

from shared.settings.settings import ENV_FILE, EnvSettings, Settings, SettingsError, load_settings
from shared.settings.types import CommaSeparated

__all__ = [
    "ENV_FILE",
    "CommaSeparated",
    "EnvSettings",
    "Settings",
    "SettingsError",
    "load_settings",
]
