"""The command line, and what the commands of modules are made with.

`modules/<name>/cli.py` holds `cli = typer.Typer(...)`, run as `manage <name> ...`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from dependency_injector.containers import DeclarativeContainer

from shared.addresses import ROOT
from shared.container import Runtime
from shared.discovery import Modules
from shared.logging import configure_logging
from shared.openapi_file import COMMAND, differences, text_of

C = TypeVar("C", bound=DeclarativeContainer)
T = TypeVar("T")


def command_line(modules: Modules, *, check: Callable[[], None], describe: Callable[[], dict[str, Any]]) -> typer.Typer:
    """The project's own commands and those of all modules.

    Args:
        check: Looks at everything; ends the process when something is wrong.
        describe: Makes the OpenAPI document.
    """
    # Plain exceptions: the pretty ones show local variables, and among those are passwords.
    commands = typer.Typer(
        help="Commands of the project and of its modules.", no_args_is_help=True, pretty_exceptions_enable=False
    )
    about = "Look for what would go wrong later: settings, modules, routes, migration branches."
    commands.command("check", help=about)(check)

    @commands.command(help="Write the OpenAPI document, as it is with the settings as delivered.")
    def openapi(
        output: Annotated[Path | None, typer.Option(help="Where to; else it is printed.")] = None,
        check: Annotated[bool, typer.Option("--check", help="Only compare it with docs/openapi.json.")] = False,
    ) -> None:
        text = text_of(describe())
        if check:
            if lines := list(differences(text)):
                sys.exit("\n".join([*lines, "", f"docs/openapi.json is not what this code serves. Run: {COMMAND}"]))
        elif output:
            output.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)

    @commands.command(
        help="Print all settings with their defaults: the .env.example of the project and of its modules."
    )
    def settings() -> None:
        files = [folder / ".env.example" for folder in (ROOT, *(module.path for module in modules.values()))]
        sys.stdout.write("\n".join(file.read_text(encoding="utf-8") for file in files if file.exists()))

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
