"""The parent of several workers: what becomes of it when one of them dies or cannot start."""

import os
import re
import signal
from threading import Timer

from tests.project import Project, free_port, serve

PATIENCE_SECONDS = 60
STARTUP_FAILURE = 3
WORKERS = 2

SUPERVISOR = """
import sys, uvicorn
from shared.assembly.supervisor import Supervisor
config = uvicorn.Config("bootstrap:app", port=0, workers=2)
supervisor = Supervisor(config, [config.bind_socket()], shutdown_timeout=5)
supervisor.run()
sys.exit(supervisor.exit_code)
"""


def test_what_has_never_served_and_cannot_start_does_not_end_well(sqlite_project: Project) -> None:
    sqlite_project.variables = {"JWT_SECRET_KEY": "short"}

    ours = sqlite_project.run("python", "-c", SUPERVISOR, check=False)
    theirs = sqlite_project.run(
        "python", "-m", "uvicorn", "bootstrap:app", "--port", "0", "--workers", "2", check=False
    )

    assert ours.returncode == STARTUP_FAILURE
    assert theirs.returncode == -signal.SIGALRM
    assert "JWT_SECRET_KEY" in ours.stderr
    assert "JWT_SECRET_KEY" in theirs.stderr


def test_a_worker_that_dies_is_replaced_and_a_second_order_ends_at_once(sqlite_project: Project) -> None:
    sqlite_project.alembic("upgrade", "heads")
    sqlite_project.variables = {
        "APP_PORT": str(free_port()),
        "WEB_CONCURRENCY": str(WORKERS),
        "DRAIN_DELAY_SECONDS": "300",
        "SHUTDOWN_TIMEOUT_SECONDS": "600",
    }
    with serve(sqlite_project, "bootstrap.py") as server:
        # Whoever waits for a line that never comes waits no longer than this.
        patience = Timer(PATIENCE_SECONDS, server.process.kill)
        patience.start()
        lines = iter(server.process.stderr or ())
        seen: list[str] = []
        for line in lines:
            seen.append(line)
            if sum("startup complete" in one for one in seen) == WORKERS:
                break
        os.kill(int(re.findall(r"server process \[(\d+)\]", "".join(seen))[0]), signal.SIGKILL)
        assert any("worker_died" in line for line in lines)
        assert any("startup complete" in line for line in lines)
        server.process.terminate()
        for _ in range(WORKERS):
            assert any("draining" in line for line in lines)
        server.process.terminate()
        assert any("workers_killed" in line for line in lines)
        server.process.wait()
        patience.cancel()

    assert server.process.returncode == 0
