"""Every command that the pages name for production, in the installation that they describe."""

import os
import re
import subprocess
from dataclasses import replace

import httpx2 as httpx
import pytest

from tests.end_to_end.test_startup import GOOD_KEY
from tests.project import COMMAND_SECONDS, ROOT, Project, free_port

PAGES = ("README.md", "README.zh-CN.md", "docs/operating.md")
PASSWORD = "seven purple tractors sing"
SETTINGS = {
    "APP_ENV": "production",
    "JWT_SECRET_KEY": GOOD_KEY,
    "AUTH_BCRYPT_COST": "",
    "ALLOW_SQLITE_IN_PRODUCTION": "true",
    "ALLOW_THROTTLE_PER_PROCESS": "true",
}


def commands(page: str) -> list[str]:
    """The lines of a page's `sh` blocks: those are for production."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [line for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()]


def about_production(page: str) -> str:
    """All of a page for operators, or the part of a README."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.split(r"^## (?:Production|生产环境)$", text, flags=re.MULTILINE)[-1]


@pytest.mark.parametrize("page", [*PAGES, "docs/security.md", ".env.example"])
def test_no_page_names_a_command_that_production_has_not_got(page: str) -> None:
    quoted = re.findall(r"`([^`\n]+)`", about_production(page))

    assert [one for one in quoted if one.startswith(("manage ", "uv run bootstrap", "uv run alembic"))] == []
    assert set(commands(page)) <= set(commands("README.md"))


def test_the_command_line_needs_no_installation(sqlite_project: Project) -> None:
    assert "No problems found" in sqlite_project.run("python", "bootstrap.py", "manage", "check").stdout
    mistyped = sqlite_project.run("python", "bootstrap.py", "auth", "purge", check=False)

    assert mistyped.returncode == 1
    assert "python bootstrap.py manage" in mistyped.stderr


@pytest.mark.slow
def test_every_command_for_production_runs_in_the_production_installation(sqlite_project: Project) -> None:
    project = replace(sqlite_project, variables=SETTINGS | {"APP_PORT": str(free_port())})
    install, activate, use = _parts(commands("README.md"))
    # As an operator has set it up: where packages come from, and whom to trust for that.
    _run(project, "\n".join(install), environment={**os.environ, "VIRTUAL_ENV": ""})
    project.python = project.path / ".venv" / "bin" / "python"
    assert "pytest" not in {one.name for one in project.path.glob(".venv/lib/python*/site-packages/*")}

    for command in use:
        line = f"{activate}\nexec env {command}"
        if command.endswith("python bootstrap.py"):
            _serve(project, line)
        else:
            _run(project, line, stdin=PASSWORD)


def _parts(lines: list[str]) -> tuple[list[str], str, list[str]]:
    activate = next(line for line in lines if line.startswith(". "))
    position = lines.index(activate)
    return lines[:position], activate, lines[position + 1 :]


def _run(project: Project, script: str, *, stdin: str = "", environment: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        ["bash", "-ec", script],
        cwd=project.path,
        env=environment or project.environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert result.returncode == 0, f"{script}\n{result.stdout}\n{result.stderr}"


def _serve(project: Project, script: str) -> None:
    process = subprocess.Popen(
        ["bash", "-ec", script], cwd=project.path, env=project.environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        found = (re.search(r"running on (http://[\d.]+:\d+)", line) for line in process.stderr)
        address = next(one[1] for one in found if one)
        assert any("startup complete" in line for line in process.stderr)
        assert httpx.get(f"{address}/api/ready", timeout=COMMAND_SECONDS).status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=COMMAND_SECONDS)
