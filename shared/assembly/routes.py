"""Mounts the routes of the modules."""

from fastapi import FastAPI

from shared.assembly.discovery import DiscoveredModule
from shared.module import ModuleError


def include_routes(app: FastAPI, module: DiscoveredModule, *, is_production: bool) -> None:
    """Mount the module's `router` under its prefix, and its `root_router` without one.

    A `development_router` is mounted under the prefix, too, but not in production.

    Raises:
        ModuleError: Its `router.py` defines neither.
    """
    part = module.part("router")
    if part is None:
        return
    prefixes = {"router": f"/api{module.prefix}", "root_router": ""}
    found = [name for name in prefixes if hasattr(part, name)]
    if not found:
        raise ModuleError(f"module {module.name!r}: {module.path / 'router.py'} must define 'router' or 'root_router'")
    for name in found:
        app.include_router(getattr(part, name), prefix=prefixes[name], tags=[module.name])
    if not is_production and hasattr(part, "development_router"):
        app.include_router(part.development_router, prefix=prefixes["router"], tags=[module.name])
