"""A copy of the project in a folder of its own, and its commands as a person would type them."""

import os
import re
import shutil
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from shared.assembly.discovery import Modules, discover
from shared.testing.applications import SECRET

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = Path(__file__).resolve().parent / "fixtures"

BUILT_IN = {"auth", "system", "users"}

COMMAND_SECONDS = 120


@dataclass
class Project:
    """A checkout that a test may change as it likes. A variable set to "" is not set at all."""

    path: Path
    database: str
    python: Path = field(default_factory=lambda: Path(sys.executable))
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the developer's own settings: only what a command needs, and what the test sets."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        settings = {
            "APP_ENV": "test",
            "DATABASE_URL": self.database,
            "JWT_SECRET_KEY": SECRET,
            "AUTH_BCRYPT_COST": "4",
        }
        return kept | {name: value for name, value in (settings | dict(self.variables)).items() if value}

    def run(
        self, *command: str, stdin: str = "", check: bool = True, seconds: int = COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run `alembic ...`, `manage ...` or `python ...` in the checkout."""
        program, *arguments = command
        launcher = {
            "alembic": ["-m", "alembic"],
            "manage": ["-c", "import bootstrap; bootstrap.manage()"],
            "python": [],
        }[program]
        result = subprocess.run(
            [str(self.python), *launcher, *arguments],
            cwd=self.path,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and result.returncode:
            raise AssertionError(
                f"{' '.join(command)} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
            )
        return result

    def alembic(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("alembic", *arguments, check=check)

    def add_module(self, name: str) -> Path:
        """Drop a fixture module in: `tests/fixtures/modules/<name>`."""
        return Path(shutil.copytree(FIXTURES / "modules" / name, self.path / "modules" / name, ignore=_no_caches))

    def changed_files(self) -> list[str]:
        """What `git status` shows, one path a line; the project begins clean."""
        status = ["git", "status", "--porcelain", "--untracked-files=all"]
        output = subprocess.run(status, cwd=self.path, capture_output=True, text=True, check=True).stdout
        return [line[3:] for line in output.splitlines()]


def built_in_modules() -> Modules:
    """The modules of the project without those that a team has added."""
    return Modules(module for name, module in discover().items() if name in BUILT_IN)


def copy_project(target: Path, *, with_tests: bool = False) -> Path:
    """Copy what git would: the tracked files, and the new ones that it does not ignore. Then commit it there.

    Few commands need `tests/`, so it stays away unless it is asked for.
    """
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        is_wanted = (with_tests or not name.startswith("tests/")) and not _is_dropped_in(name)
        if is_wanted and (source := ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message", "copy"],
    ):
        subprocess.run(["git", *command], cwd=target, check=True, capture_output=True)
    return target


def python_without_project(target: Path) -> Path:
    """An interpreter that has every dependency and has never heard of this project."""
    venv.create(target, with_pip=False)
    (site,) = target.glob("lib/python*/site-packages")
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    # A path that a .pth file adds has its own .pth files ignored, and the project's editable install is one.
    (site / "dependencies.pth").write_text(dependencies, encoding="utf-8")
    return target / "bin" / "python"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """A running server process."""

    address: str
    process: subprocess.Popen[str]
    output: list[str]


@contextmanager
def serve(project: Project, *command: str) -> Iterator[Server]:
    """Start a server on a free port and wait until it says that it runs; stop it with SIGTERM afterwards.

    The default command is `uvicorn bootstrap:app`. What it prints from then on is in `output` when the block has ended.
    """
    arguments = command or ("-m", "uvicorn", "bootstrap:app", "--port", "0")
    process = subprocess.Popen(
        [str(project.python), *arguments],
        cwd=project.path,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    server = Server("", process, [])
    try:
        for line in process.stderr:
            server.output.append(line)
            if running := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                server.address = running[1]
                break
        else:
            raise AssertionError("the server ended:\n" + "".join(server.output))
        yield server
    finally:
        process.terminate()
        server.output += process.communicate(timeout=COMMAND_SECONDS)[1].splitlines(keepends=True)


@contextmanager
def read_along(server: Server) -> Iterator[None]:
    """For a test in which the server prints more than a pipe holds: it would wait for somebody to read.

    The server is stopped when the block ends, and everything is in `output`.
    """
    reader = Thread(target=lambda: server.output.extend(server.process.stderr or ()))
    reader.start()
    try:
        yield
    finally:
        server.process.terminate()
        reader.join()


def _is_dropped_in(name: str) -> bool:
    """Whether a file belongs to a module that a team added: tests on copies are about those of the project."""
    folder, _, rest = name.partition("/")
    return folder == "modules" and "/" in rest and rest.partition("/")[0] not in BUILT_IN


def _no_caches(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]
