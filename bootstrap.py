"""Puts the application together: finds the modules, builds their containers, mounts their routes, starts the server."""

import asyncio
import gc
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import Any, cast

import structlog
from dependency_injector.containers import DeclarativeContainer
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from uvicorn.config import STARTUP_FAILURE

from shared.access import Public
from shared.access.matched_route import MatchedRouteApp
from shared.access.table import HOW_TO_MARK, AccessTable
from shared.application import part_of, put_parts
from shared.assembly.branches import read_branches
from shared.assembly.development import ensure_secret, greeting, is_development
from shared.assembly.discovery import Modules, discover
from shared.assembly.documentation import add_documentation
from shared.assembly.garbage_collection import collection_paused
from shared.assembly.layers import layers
from shared.assembly.lifespan import lifespan, preflight
from shared.assembly.listeners import subscribe_handlers
from shared.assembly.migration_state import Migrations, StartupError
from shared.assembly.openapi.document import LICENCE, SERVERS, describe_truthfully
from shared.assembly.packages import COMMAND as HOW_TO_LOCK
from shared.assembly.packages import lock_faults, report_of_missing
from shared.assembly.routes import include_routes
from shared.assembly.serving import serve
from shared.assembly.supervisor import fails_the_supervisor
from shared.assembly.wiring import wiring_faults
from shared.container import Runtime, SharedContainer
from shared.errors import AppError
from shared.http.exception_handlers import register_exception_handlers
from shared.logging import configure_logging
from shared.module import ModuleError
from shared.settings import Settings, SettingsError, load_settings
from shared.settings.types import MINIMUM_KEY_BYTES
from shared.settings.unknown import unknown_settings

log = structlog.get_logger(__name__)

__version__ = "0.1.0"

DESCRIPTION = "Every answer is `{code, message, data, request_id}`. Log in, then send `Authorization: Bearer <token>`."


@collection_paused()
def create_app(
    settings: Settings | None = None,
    *,
    module_settings: Sequence[BaseSettings] = (),
    modules: Modules | None = None,
) -> FastAPI:
    """Build an application; any number of them can live in one process, each with its own settings.

    Args:
        settings: Read from the environment and `.env` when not given.
        module_settings: Settings objects of modules, recognised by their class; the others are read.
        modules: Those of `modules/` when not given.

    Raises:
        SettingsError: Some settings are wrong; all faults at once.
        ModuleError: A module breaks the contract.
    """
    everything = discover() if modules is None else modules
    configuration = _configure(everything, settings, module_settings)
    settings, active = configuration.settings, configuration.active
    configure_logging(as_json=settings.logs_are_json, debug=settings.debug)
    if configuration.unknown:
        log.warning("unknown_settings", names=configuration.unknown, what_to_do="mend the names, or take them away")

    app = FastAPI(
        title=settings.app_name,
        description=DESCRIPTION,
        version=__version__,
        servers=SERVERS,
        license_info=LICENCE,
        contact={"name": settings.app_name, "url": settings.public_url},
        lifespan=lifespan,
        openapi_url=None if settings.is_production else "/openapi.json",
        docs_url=None,
        redoc_url=None,
        openapi_tags=[{"name": name, "description": module.declaration.description} for name, module in active.items()],
        # One spelling for each path: a redirect before the caller is known would reveal which paths exist.
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        middleware=layers(settings, active),
    )
    if not settings.is_production:
        add_documentation(app)
    for route in app.routes:
        Public("documentation; not there in production").mark(getattr(route, "endpoint", None))
    register_exception_handlers(app)
    for module in active.values():
        include_routes(app, module, is_production=settings.is_production)

    runtime = app.state.runtime = build_runtime(everything, configuration)
    table = app.state.access = AccessTable(app.routes, app.router.dependencies)
    table.check(permission.name for permission in active.permissions)
    if settings.is_production:
        table.refuse_unmarked()
    put_parts(app, runtime.parts | {AccessTable: lambda: table})
    app.router.middleware_stack = MatchedRouteApp(app.router)
    describe_truthfully(app, table, [settings, *configuration.by_module.values()], runtime.denials)
    return app


@dataclass(frozen=True, slots=True)
class _Configuration:
    """The settings of the application and of each module that is switched on."""

    settings: Settings
    active: Modules
    by_module: dict[str, BaseSettings]
    unknown: list[str]
    """Names that no settings class has."""


def _configure(everything: Modules, settings: Settings | None, given: Sequence[BaseSettings]) -> _Configuration:
    if faults := report_of_missing(everything.folders):
        raise ModuleError(faults)
    classes = {name: cls for name, module in everything.items() if (cls := module.attribute("settings", "Settings"))}
    known: dict[type, BaseSettings] = {type(one): one for one in (settings, *given) if one is not None}
    missing = [cls for cls in (Settings, *classes.values()) if cls not in known]
    known |= {type(one): one for one in load_settings(*missing)}
    settings = cast("Settings", known[Settings])
    active = everything.without(settings.disabled_modules)
    by_module = {name: known[cls] for name, cls in classes.items() if name in active}
    is_given = Settings not in missing
    unknown = [] if is_given else unknown_settings([Settings, *classes.values()], Settings.model_config["env_file"])
    return _Configuration(settings, active, by_module, unknown)


def build_runtime(everything: Modules, configuration: _Configuration) -> Runtime:
    """Build each module's container, with `shared` and exactly the modules that it requires.

    Raises:
        ModuleError: A container asks for a module that its `module.py` does not require, or for an unknown name.
    """
    # Models of modules that are switched off are imported too: foreign keys may point to their tables.
    owners = everything.import_models()
    active = configuration.active
    shared = SharedContainer(
        settings=configuration.settings,
        permissions=active.permissions,
        read_migrations=Migrations(read_branches(everything), owners),
    )
    runtime, built = Runtime(shared), dict[str, DeclarativeContainer]()
    for name, module in active.items():
        if (container := module.attribute("container", "Container")) is None:
            continue
        given: dict[str, Any] = {"shared": shared} | {
            required: built[required] for required in module.requires if required in built
        }
        if name in configuration.by_module:
            given["settings"] = configuration.by_module[name]
        if undeclared := sorted(container.dependencies.keys() - given.keys()):
            raise ModuleError(
                f"module {name!r}: {module.path / 'container.py'} asks for {', '.join(undeclared)}, which is neither "
                f"`shared`, its own `settings` nor a module with a container that {module.path / 'module.py'} requires"
            )
        built[name] = container(**{one: given[one] for one in container.dependencies})
        if faults := wiring_faults(built[name]):
            raise ModuleError(
                f"module {name!r}: {module.path / 'container.py'} asks for what is not there: {'; '.join(faults)}"
            )
        runtime.add(container, built[name])
    subscribe_handlers(shared.events(), active, built)
    return runtime


def main() -> None:
    """Serve. Development prepares everything by itself; production refuses to start with a fault."""
    ensure_secret()
    # The server makes an application of its own; this one shows faults without a server's traceback around them.
    runtime = part_of(create_app(), Runtime)
    settings = runtime.shared.settings()
    asyncio.run(preflight(runtime))
    if settings.app_env == "development":
        sys.stderr.write(greeting(settings))
    serve(settings)


def manage(arguments: Sequence[str] | None = None) -> None:
    """The command line, with the modules' own commands from their `cli.py`.

    `uv run manage <module> <command>`; where only the dependencies are installed, `python bootstrap.py manage ...`.
    """
    from shared.assembly.command_line import command_line  # noqa: PLC0415 - a server imports this file too, and needs no command line

    with _faults_to_stderr():
        ensure_secret()
        everything = discover()
        missing = report_of_missing(everything.folders)
        # Without the packages no command of a module can be imported, and only `requirements` is of use.
        if missing and (sys.argv[1:] if arguments is None else arguments)[:1] != ["requirements"]:
            raise ModuleError(missing)
        commands = command_line(
            everything,
            with_modules=not missing,
            check=lambda: _check(everything),
            describe=lambda: describe_as_delivered(everything),
        )
        commands(
            args=arguments,
            prog_name=None if arguments is None else "python bootstrap.py manage",
            obj=lambda: build_runtime(everything, _configure(everything, None, ())),
        )


def describe_as_delivered(everything: Modules) -> dict[str, Any]:
    """The OpenAPI document with the default settings: the same on every machine."""
    settings = Settings.as_delivered(jwt_secret_key=secrets.token_urlsafe(MINIMUM_KEY_BYTES))
    of_modules = [cls for module in everything.values() if (cls := module.attribute("settings", "Settings"))]
    delivered = []
    for cls in of_modules:
        with suppress(ValidationError):  # it requires a setting without a default: it is read as for the service
            delivered.append(cls.as_delivered())
    return create_app(settings, module_settings=delivered, modules=everything).openapi()


def _check(everything: Modules) -> None:
    from migrations.commands import branch_faults  # noqa: PLC0415 - loads Alembic

    table = part_of(create_app(), AccessTable)
    faults = [f"{line} does not say who may call it. {HOW_TO_MARK}" for line in table.unmarked()]
    faults += branch_faults(everything)
    faults += [f"{fault}. Run: {HOW_TO_LOCK}" for fault in lock_faults(everything.folders)]
    if faults:
        headline = f"{len(faults)} problem{'s' if len(faults) > 1 else ''} found:"
        sys.exit("\n".join([headline, *(f"  - {fault}" for fault in faults)]))
    count, public = len(table.routes), len(table.public())
    sys.stdout.write(f"No problems found: {', '.join(everything)}; {count} routes, {public} of them public.\n")


@contextmanager
def _faults_to_stderr(exit_code: int = 1, *, is_server: bool = False) -> Iterator[None]:
    """End with a message in place of a traceback, for faults that the user can mend; a server logs it as one line."""
    try:
        yield
    except (SettingsError, ModuleError, StartupError, AppError) as error:
        details = (error.data or {}).get("errors", []) if isinstance(error, AppError) else []
        lines = [*str(error).splitlines(), *(f"  - {one['msg']}" for one in details)]
        if is_server and not is_development():
            configure_logging(as_json=True)
            log.critical("cannot_start", reason=lines[0], faults=[line.removeprefix("  - ") for line in lines[1:]])
        else:
            sys.stderr.write("\n".join([*lines, ""]))
        sys.exit(exit_code)


def __getattr__(name: str) -> Any:
    """Make `app` at its first use: `uvicorn bootstrap:app`. Importing this file alone needs no settings."""
    if name != "app":
        raise AttributeError(name)
    # With any other exit code, uvicorn would restart a failing worker for ever.
    with fails_the_supervisor(), _faults_to_stderr(STARTUP_FAILURE if parent_process() else 1, is_server=True):
        ensure_secret()
        with collection_paused():
            app = create_app()
            gc.freeze()  # it lives as long as the server: the collector need never scan it
        globals()["app"] = app
        return app


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            with _faults_to_stderr(is_server=True):
                main()
        case ["manage", *arguments]:
            manage(arguments)
        case _:
            sys.exit("usage: python bootstrap.py, which serves, or python bootstrap.py manage [command]")
