"""Schemathesis asks for everything that the document offers, and for what it forbids: no answer may contradict it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import UNLIMITED
from tests.project import ROOT, Project, copy_project, read_along, serve
from tests.security.fuzzing import PASSWORD, ROOT_EMAIL

# The same cases in every run: a test of the default run must not fail by chance. Corners on each database; what lies
# between them is mostly about the document, for which one database will do.
SHORT = ("--generation-deterministic", "--max-examples", "5", "--phases")
CORNERS = "examples,coverage"
LONG = ("--max-examples", "400", "--generation-database", "none")
LONG_SECONDS = 1800


@pytest.fixture
def prepared(tmp_path: Path, database: str) -> Project:
    """The project on a database with one administrator.

    Without modules that a team has added, as in every copy: schemathesis reads an answer to its end, which a stream of
    theirs need not have, and their document may promise less than their routes do.
    """
    project = Project(copy_project(tmp_path / "project"), database)
    project.run("manage", "auth", "create-admin", "--email", ROOT_EMAIL, stdin=PASSWORD)
    return project


def fuzz(project: Project, who: str, *options: str) -> int:
    """Let it try, as `admin` or `nobody`, without limits on how often; gives the number of cases."""
    unlimited = {f"AUTH_{name}".upper(): limit for name, limit in UNLIMITED.items()}
    project = replace(project, variables=unlimited | {"PUBLIC_LIMIT_PER_ADDRESS": "none"})
    with serve(project) as server, read_along(server):
        result = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.address}/openapi.json"),
                *("--checks", "all", "--continue-on-failure", "--no-color", *options),
            ],
            cwd=project.path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.security.fuzzing",
                "FUZZ_ADDRESS": server.address,
                "FUZZ_AS": who,
            },
            capture_output=True,
            text=True,
            timeout=LONG_SECONDS,
            check=False,
        )
    said = result.stdout + result.stderr
    assert result.returncode == 0, said

    lines = [json.loads(line) for line in server.output if line.startswith("{")]
    assert [line for line in lines if line["level"] in {"error", "critical"}] == []
    # Whatever was found wrong, this shows that it got as far as to find something.
    statuses = {line["status"] for line in lines if line["event"] == "request"}
    expected = {200, 201, 202, 400, 401, 403, 404, 405, 409, 415, 422} if who == "admin" else {200, 201, 202, 401, 422}
    assert expected <= statuses
    generated = re.search(r"(\d+) generated", said)
    assert generated is not None, said
    assert re.search(r"Operations: +(\d+) selected / \1 total", said), said
    return int(generated[1])


def test_an_administrator_gets_only_answers_that_are_documented(prepared: Project, backend: str) -> None:
    phases = f"{CORNERS},fuzzing" if backend == "sqlite" else CORNERS

    assert fuzz(prepared, "admin", *SHORT, phases) > 900


@pytest.mark.slow
@pytest.mark.parametrize("who", ["admin", "nobody"])
def test_ten_thousand_cases_find_no_answer_that_is_not_documented(prepared: Project, who: str) -> None:
    assert fuzz(prepared, who, *LONG) >= 10_000
