"""The machine: the use of its cores, the costs of a process, and the versions of all packages."""

import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


def pin(pid: int, core: int) -> None:
    """Keep a process, and the threads it will start, on one core."""
    os.sched_setaffinity(pid, {core})


def pin_backends(pids: list[int], database: str) -> str | None:
    """Keep PostgreSQL's processes of one database off the server's core; returns the reason if that is not possible.

    Other processes of PostgreSQL are not ours to move.
    """
    pinned = 0
    for pid in pids:
        try:
            # If PostgreSQL runs on another machine or in a container, the number means another process, or none.
            if database in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"):
                pin(pid, LOAD_CORE)
                pinned += 1
        except PermissionError:
            return "they belong to another user"
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
    return None if pinned or not pids else "they run elsewhere"


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process so far: of all threads, in user and kernel mode."""
    # The name in parentheses may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid: int, kind: str = "VmRSS") -> float:
    """Resident memory now (`VmRSS`), or at its highest (`VmHWM`)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(rf"{kind}:\s+(\d+) kB", status)
    assert found is not None, kind
    return int(found[1]) / 1024


def describe() -> dict[str, Any]:
    """The processor, and the use of its cores."""
    return {
        "cpu": _cpu_name(),
        "cores": len(CORES),
        "server_core": SERVER_CORE,
        "load_core": LOAD_CORE,
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": platform.platform(),
        "load_average_at_start": os.getloadavg(),
    }


def versions(*environments: Path) -> dict[str, str]:
    """The versions of Python, of every package, and of those in the peers' environments, prefixed with their names."""
    found = {"python": platform.python_version(), "commit": _commit()}
    found |= {package.name: package.version for package in sorted(distributions(), key=lambda one: one.name.lower())}
    for environment in environments:
        for site in environment.glob("lib/python*/site-packages"):
            found |= {
                f"{environment.name}: {package.name}": package.version for package in distributions(path=[str(site)])
            }
    return found


def _cpu_name() -> str:
    with suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        if found:
            return found[1]
    return platform.processor() or "unknown"


def _commit() -> str:
    described = ["git", "describe", "--always", "--dirty"]
    result = subprocess.run(described, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return result.stdout.strip() or "unknown"


def require_linux() -> None:
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("The benchmarks pin processes to cores and read /proc: they need Linux.")
