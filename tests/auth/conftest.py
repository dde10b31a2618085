import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

import bootstrap
from tests.project import ROOT, Project


@dataclass
class Ended:
    """A command that has run: its exit code and all that it printed."""

    code: int
    output: str


Manage = Callable[..., Awaitable[Ended]]


@pytest.fixture
def manage(database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Manage:
    """Run `manage ...` in this process."""
    for name, value in Project(ROOT, database).environment.items():
        monkeypatch.setenv(name, value)

    async def run(*arguments: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["manage", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        try:
            # A thread of its own, because a command starts its own event loop.
            code = await asyncio.to_thread(_exit_code)
        finally:
            captured = capsys.readouterr()
        return Ended(code, captured.out + captured.err)

    return run


def _exit_code() -> int:
    try:
        bootstrap.manage()
    except SystemExit as end:
        # A text is printed by the interpreter, which then ends with 1.
        if isinstance(end.code, str):
            sys.stderr.write(end.code)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
