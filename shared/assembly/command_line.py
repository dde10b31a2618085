"""The command line: the project's own commands and those of all modules."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.assembly.discovery import Modules
from shared.assembly.openapi.file import COMMAND, differences, text_of
from shared.assembly.packages import adopt
from shared.project import ROOT


def command_line(
    modules: Modules, *, with_modules: bool, check: Callable[[], None], describe: Callable[[], dict[str, Any]]
) -> typer.Typer:
    """The project's own commands and those of all modules.

    Args:
        with_modules: Whether the modules can be imported.
        check: Checks everything; ends the process when something is wrong.
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

    @commands.command(
        help="Take the packages that modules ask for, in their requirements.txt, into pyproject.toml and the lock file."
    )
    def requirements() -> None:
        adopt(modules.folders)

    for name, module in modules.items() if with_modules else ():
        if cli := module.attribute("cli", "cli"):
            commands.add_typer(cli, name=name)
    return commands
