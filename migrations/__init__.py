"""One Alembic branch for each module, in every raw `alembic` command.

Alembic asks its configuration where the revision files are before it runs env.py, and `heads`, `branches`, `history`
and `show` never run env.py at all. It does import this package first, because `script_location` in alembic.ini is a
package address; so this is the place to supply the modules' folders.
"""

from alembic.config import Config
from alembic.util import CommandError

from migrations.faults import check_branches
from shared.assembly.discovery import discover
from shared.module import ModuleError

_locations_from_ini = Config.get_version_locations_list


def _locations_of_modules(config: Config) -> list[str] | None:
    if config.get_alembic_option("script_location") != f"{__name__}:":
        return _locations_from_ini(config)
    try:
        modules = discover()
        check_branches(modules)
    except ModuleError as error:
        raise CommandError(str(error)) from error
    return [str(module.migrations) for module in modules.values()]


Config.get_version_locations_list = _locations_of_modules  # type: ignore[method-assign, assignment]  # Alembic offers no hook that these four commands would run
