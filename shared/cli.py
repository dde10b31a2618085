"""The command line, and what the commands of modules are made with.

`modules/<name>/cli.py` holds `cli = typer.Typer(...)`, run as `manage <name> ...`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from dependency_injector.containers import DeclarativeContainer

from shared.container import Runtime
from shared.discovery import Modules
from shared.logging import configure_logging

C = TypeVar("C", bound=DeclarativeContainer)
T = TypeVar("T")


def command_line(modules: Modules, *, check: Callable[[], None]) -> typer.Typer:
    """The project's own command and those of all modules."""
    # Plain exceptions: the pretty ones show local variables, and among those are passwords.
    commands = typer.Typer(
        help="Commands of the project and of its modules.", no_args_is_help=True, pretty_exceptions_enable=False
    )
    about = "Look for what would go wrong later: settings, modules, routes, migration branches."
    commands.command("check", help=about)(check)
    for name, module in modules.items():
        if cli := module.attribute("cli", "cli"):
            commands.add_typer(cli, name=name)
    return commands


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
