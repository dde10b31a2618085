"""Builds the application with the settings and the modules that a test wants."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import httpx2 as httpx
from dependency_injector import providers
from fastapi import FastAPI
from pydantic_settings import BaseSettings

from bootstrap import create_app
from shared.assembly.discovery import DiscoveredModule, Modules, discover
from shared.clock import Clock
from shared.settings.settings import Settings
from shared.testing.streams import leaving_streams

SECRET = "an-only-for-tests-7Kq2vXw9Zr4Lm8Np3Tb6"  # noqa: S105 - it signs nothing outside of tests

MakeApp = Callable[..., FastAPI]
"""The fixture `make_app`. It takes the arguments of `build_app`, except for the database and the clock."""


def build_app(
    database: str,
    clock: Clock,
    *,
    only: str | Collection[str] | None = None,
    modules: Modules | None = None,
    **settings: Any,
) -> FastAPI:
    """Build the application with default settings; the environment and `.env` are ignored.

    Args:
        database: Its address.
        clock: Tells the time to every module.
        only: One or several modules. Those that they require, and the one for logins, stay on; all others are off.
        modules: Those of `modules/` when not given.
        settings: The service's settings by their names; a module's by its name, as a mapping or as an object.
    """
    everything = discover() if modules is None else modules
    of_modules = {name: settings.pop(name) for name in list(settings) if name in everything}
    if only is not None:
        settings["disabled_modules"] = _all_but({only} if isinstance(only, str) else set(only), everything)
    app = create_app(
        settings_for(database, **settings),
        module_settings=module_settings(everything, **of_modules),
        modules=everything,
    )
    app.state.runtime.shared.clock.override(providers.Object(clock))
    return app


def settings_for(database: str, **values: Any) -> Settings:
    """The service's default settings, except for these values."""
    _refuse_unknown(Settings, values, "the service")
    return Settings.as_delivered(**({"app_env": "test", "database_url": database, "jwt_secret_key": SECRET} | values))


def module_settings(
    modules: Modules | None = None, /, **values: Mapping[str, Any] | BaseSettings
) -> list[BaseSettings]:
    """The default settings of every module, except for its `testing.SETTINGS` and these values."""
    found = []
    for name, module in (discover() if modules is None else modules).items():
        settings, given = module.attribute("settings", "Settings"), values.pop(name, {})
        if settings is None and not given:
            continue
        if not isinstance(given, BaseSettings):
            _refuse_unknown(settings, given, f"module {name!r}")
            given = settings.as_delivered(**(_tested_with(module) | dict(given)))
        found.append(given)
    return found


def _tested_with(module: DiscoveredModule) -> dict[str, Any]:
    return dict(getattr(module.part("testing"), "SETTINGS", {}))


def _refuse_unknown(settings: type[BaseSettings] | None, values: Mapping[str, Any], owner: str) -> None:
    """Settings classes ignore unknown names, so a misspelt one would test the default."""
    known = settings.model_fields if settings else {}
    if unknown := ", ".join(sorted(values.keys() - known.keys())):
        raise TypeError(f"{owner} has no setting {unknown}")


def _all_but(names: set[str], modules: Modules) -> tuple[str, ...]:
    wanted = names | {name for name, module in modules.items() if _logs_in(module)}
    wanted = wanted.union(*(modules.required_by(name) for name in wanted))
    return tuple(name for name in modules if name not in wanted)


def _logs_in(module: DiscoveredModule) -> bool:
    container = module.attribute("container", "Container")
    return container is not None and "authenticator" in container.providers


def client_of(app: FastAPI, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """A client that speaks to the application in this process."""
    transport = httpx.ASGITransport(app=leaving_streams(app), client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://test")
