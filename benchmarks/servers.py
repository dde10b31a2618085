"""Servers under measurement: ours as delivered and the peers, each one uvicorn worker on the server's core."""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).parent / "peers"
ENVIRONMENTS = Path(__file__).parent / ".environments"

SECRET = secrets.token_urlsafe(48)
START_SECONDS = 90.0
STOP_SECONDS = 30.0

AS_DELIVERED = ("--no-access-log", "--no-server-header", "--no-proxy-headers")
"""The options that the documentation recommends to operators."""

# A benchmark tries more often than a person.
WITHOUT_LIMITS = dict.fromkeys(
    (
        "PUBLIC_LIMIT_PER_ADDRESS",
        "AUTH_LOGIN_LIMIT_PER_ADDRESS",
        "AUTH_LOGIN_FAILURE_LIMIT_PER_ADDRESS",
        "AUTH_LOGIN_FAILURE_LIMIT_PER_ACCOUNT",
        "AUTH_REFRESH_LIMIT_PER_ADDRESS",
        "AUTH_REFRESH_LIMIT_PER_SESSION",
    ),
    "none",
)


@dataclass(frozen=True)
class Server:
    """A running server process."""

    name: str
    port: int
    pid: int
    start_seconds: float

    @property
    def cpu_seconds(self) -> float:
        return machine.cpu_seconds(self.pid)

    @property
    def memory_mib(self) -> float:
        return machine.memory_mib(self.pid)


ServerBlock = AbstractContextManager[Server]


@contextmanager
def serve(  # noqa: PLR0913 - the parts of a server's command
    name: str,
    application: str,
    variables: Mapping[str, str],
    *,
    python: Path = Path(sys.executable),
    arguments: tuple[str, ...] = AS_DELIVERED,
    root: Path = ROOT,
) -> Iterator[Server]:
    """Start `uvicorn <application>` on a free port and wait until it is running."""
    command = [str(python), "-m", "uvicorn", application, "--port", "0", *arguments]
    # To a file, as under a process manager: a pipe would cost the load's core.
    with tempfile.NamedTemporaryFile("w+", prefix="bench-", suffix=".log") as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=root, env=bare_environment() | dict(variables), stdout=log, stderr=log)
        try:
            machine.pin(process.pid, machine.SERVER_CORE)
            port = _port(process, Path(log.name), name)
            yield Server(name, port, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[bytes], log: Path, name: str) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8")):
            return int(found[1])
        time.sleep(0.005)
    raise RuntimeError(f"{name} did not start:\n{log.read_text(encoding='utf-8')[-4000:]}")


def ours(
    address: str,
    variables: Mapping[str, str] | None = None,
    *,
    root: Path = ROOT,
    python: Path = Path(sys.executable),
) -> ServerBlock:
    """The service as delivered, in production."""
    settings = {
        "APP_ENV": "production",
        "DATABASE_URL": address,
        "JWT_SECRET_KEY": SECRET,
        "ALLOW_SQLITE_IN_PRODUCTION": "true",
    }
    return serve("this project", "bootstrap:app", settings | dict(variables or {}), root=root, python=python)


def peer(
    name: str, file: str, address: str, variables: Mapping[str, str] | None = None, *, python: Path | None = None
) -> ServerBlock:
    """One of the applications in `peers/`, without the access log, which they do not need."""
    settings = {"BENCH_DATABASE": address, "BENCH_SECRET": SECRET} | dict(variables or {})
    application, arguments = f"{file}:app", ("--app-dir", str(PEERS), "--no-access-log")
    return serve(name, application, settings, arguments=arguments, python=python or Path(sys.executable))


def probe(name: str, *arguments: str, root: Path = ROOT, variables: Mapping[str, str] | None = None) -> Any:
    """Run `probes/<name>.py` on the server's core, with the project in `root`; returns the JSON that it prints."""
    command = [sys.executable, "-m", f"benchmarks.probes.{name}", *arguments]
    given = (
        bare_environment() | {"PYTHONPATH": str(ROOT)} | dict(variables or {})
    )  # the working directory comes before it
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=root, env=given, stdout=subprocess.PIPE, stderr=log, text=True)
        machine.pin(process.pid, machine.SERVER_CORE)
        output, _ = process.communicate()
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"the probe {name} ended with {process.returncode}:\n{log.read()[-4000:]}")
        return json.loads(output)


def bare_environment() -> dict[str, str]:
    """The variables that a command needs, without the developer's settings."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def environment(name: str, requirements: Path | None = None) -> Path:
    """Python in an environment of its own, created if missing; a peer's from `peers/<name>.txt`."""
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    uv = os.environ.get("UV", "uv")  # `uv run` sets its path
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    requirements = requirements or PEERS / f"{name}.txt"
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "-r", str(requirements)]
    subprocess.run(install, check=True)
    return python
