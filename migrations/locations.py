"""Tells Alembic, for every raw command, that the revision files are in the modules' folders.

Alembic asks its configuration where they are before it runs env.py, and `heads`, `branches`, `history` and `show` never
run env.py at all. It does import the package around this file first, because `script_location` in alembic.ini is a
package address; so the package imports this file, which replaces what the configuration answers.
"""

from alembic.config import Config
from alembic.util import CommandError

from migrations.branches import check_branches
from shared.discovery import ModuleError, discover

_locations_from_ini = Config.get_version_locations_list


def _locations_of_modules(config: Config) -> list[str] | None:
    if config.get_alembic_option("script_location") != f"{__package__}:":
        return _locations_from_ini(config)
    try:
        modules = discover()
        check_branches(modules)
    except ModuleError as error:
        raise CommandError(str(error)) from error
    return [str(module.migrations) for module in modules.values()]


Config.get_version_locations_list = _locations_of_modules  # type: ignore[method-assign, assignment]  # Alembic offers no hook that these four commands would run
