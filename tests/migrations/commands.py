"""A checkout whose `alembic` commands start quickly, and small modules to drop into it."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.project import COMMAND_SECONDS, Project


class ForkServer:
    """See fork_server.py. One per interpreter."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("fork_server.py"))],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, project: Project, folder: Path, *commands: tuple[str, ...]) -> list[subprocess.CompletedProcess[str]]:
        """Run the commands at once, and wait for all of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        outputs = [self._folder / uuid4().hex for _ in commands]
        request = [
            {
                "arguments": arguments,
                "folder": str(folder),
                "variables": project.environment,
                "output": str(output),
                "seconds": COMMAND_SECONDS,
            }
            for arguments, output in zip(commands, outputs, strict=True)
        ]
        print(json.dumps(request), file=self._process.stdin, flush=True)
        codes = json.loads(self._process.stdout.readline())
        return [
            subprocess.CompletedProcess(arguments, code, output.read_text(encoding="utf-8"), "")
            for arguments, code, output in zip(commands, codes, outputs, strict=True)
        ]

    def close(self) -> None:
        self._process.communicate(timeout=COMMAND_SECONDS)


@dataclass
class Checkout(Project):
    """A project whose `alembic` commands are forked. What one prints to either stream is in `stdout`, in order."""

    server_for: Callable[[Path], ForkServer] = field(kw_only=True)
    folder: Path | None = None

    def alembic(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        (result,) = self.alembic_at_once(arguments)
        if check and result.returncode:
            raise AssertionError(f"alembic {' '.join(arguments)} ended with {result.returncode}\n{result.stdout}")
        return result

    def alembic_at_once(self, *commands: tuple[str, ...]) -> list[subprocess.CompletedProcess[str]]:
        return self.server_for(self.python).run(self, self.folder or self.path, *commands)

    def refusal(self, *arguments: str) -> str:
        """Run a command that must fail with a message in place of a traceback; gives the message."""
        result = self.alembic(*arguments, check=False)
        assert result.returncode != 0, result.stdout
        assert "Traceback" not in result.stdout, result.stdout
        return result.stdout
