"""Runs `alembic` commands in processes of their own, each forked from this one, which has the libraries in memory.

Two seconds of a command are spent on importing SQLAlchemy, Alembic and FastAPI, and the tests give a hundred commands.
Nothing of the project is imported before the fork: each command finds its own checkout, as if typed into a shell.
"""

import json
import os
import signal
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

LIBRARIES = (
    "alembic.config",
    "aiosqlite",
    "asyncmy",
    "asyncpg",
    "dependency_injector.providers",
    "fastapi",
    "jwt",
    "pydantic_settings",
    "sqlalchemy.dialects.mysql.asyncmy",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "structlog",
    "typer",
    "uuid_utils.compat",
)


def main() -> None:
    """Answer each line, a list of commands to run at once, with a line of their exit codes.

    `&&` in a command parts several that one process runs one after the other.
    """
    sys.path.pop(0)  # this file's folder
    for library in LIBRARIES:
        import_module(library)
    for line in sys.stdin:
        processes = [start(**command) for command in json.loads(line)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in processes]
        sys.stdout.write(json.dumps(codes) + "\n")
        sys.stdout.flush()


def start(*, arguments: list[str], folder: str, variables: dict[str, str], output: str, seconds: int) -> int:
    if process := os.fork():
        return process
    code: Any = 1
    try:
        signal.alarm(seconds)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        _redirect(Path(output))
        warnings.simplefilter("error")
        while arguments:
            end = arguments.index("&&") if "&&" in arguments else len(arguments)
            import_module("alembic.config").main(argv=arguments[:end], prog="alembic")
            arguments = arguments[end + 1 :]
        code = 0
    except SystemExit as error:
        code = error.code
    except BaseException:  # noqa: BLE001 - printed as Python itself would do, and the process ends right after
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code & 0xFF if isinstance(code, int) else int(code is not None))


def _redirect(output: Path) -> None:
    """Both streams into one file, line by line, so that it shows in which order things were said."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(target, 1)
    os.dup2(target, 2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real file since the lines above


if __name__ == "__main__":
    main()
