"""Runs the commands of a module's `cli.py`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from dependency_injector.containers import DeclarativeContainer

from shared.container import Runtime
from shared.logging.setup import configure_logging

C = TypeVar("C", bound=DeclarativeContainer)
T = TypeVar("T")


def run(context: typer.Context, container: type[C], use: Callable[[C], Awaitable[T]]) -> T:
    """Run `use` with the module's container, and close everything afterwards."""
    build_runtime: Callable[[], Runtime] = context.obj

    async def main() -> T:
        runtime = build_runtime()
        configure_logging(as_json=runtime.shared.settings().app_env != "development")
        try:
            return await use(runtime.of(container))
        finally:
            await runtime.close()

    return asyncio.run(main())
