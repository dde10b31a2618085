"""The proof that a whole module fits into a whole folder: a team's modules among all that is asked of modules."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from shared.testing.databases import SERVERS, available
from tests.project import Project, copy_project

PACK = ("invoices", "notes", "documents")
"""Between them: settings, a public route, a webhook, an upload, an export, a stream, a websocket, a permission that all
have, an enumeration, a many-to-many relation, rows that come with a revision, a package of their own, and tests."""
GENERATED = {"pyproject.toml", "requirements.lock"}
"""By `manage requirements`."""

LABELS = ("INSERT INTO labels (name) VALUES ('abroad'), ('urgent')", "DELETE FROM labels")
SECONDS = 1200
"""Far more than the tests take: only what hangs is ended."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A whole copy. Of the environment, tests are meant to see where the servers are, and nothing else."""
    servers = {name: os.environ.get(name, "") for name in (*SERVERS.values(), "TEST_REDIS_URL")}
    disturbing = {"PUBLIC_LIMIT_PER_ADDRESS": "1/hour", "SMTP_URL": "smtp://no"}
    copy = copy_project(tmp_path / "project", with_tests=True)
    return Project(copy, f"sqlite:///{tmp_path / 'team.db'}", variables=servers | disturbing)


def draft_revisions(project: Project) -> None:
    """As docs/adding-a-module.md has it."""
    project.alembic("revision", "--autogenerate", "-m", "create tables")
    project.alembic("upgrade", "heads")
    project.alembic("revision", "--head", "invoices@head", "-m", "come with labels")
    (draft,) = project.path.glob("modules/invoices/migrations/*_come_with_labels.py")
    text = draft.read_text(encoding="utf-8")
    for statement in LABELS:
        text = text.replace("    pass\n", f'    op.execute("{statement}")\n', 1)
    draft.write_text(text, encoding="utf-8")
    project.alembic("upgrade", "heads")


def passed(project: Project, *options: str) -> int:
    """Run tests, of which none may fail; gives their number."""
    said = project.run("python", "-m", "pytest", *options, seconds=SECONDS).stdout
    found = re.search(r"(\d+) passed", said)
    assert found, said
    return int(found[1])


@pytest.mark.slow
def test_the_modules_of_a_team_pass_whatever_the_project_asks_of_modules(project: Project) -> None:
    project.alembic("upgrade", "heads")
    folders = [project.add_module(name) for name in PACK]
    # As a developer has it set up, where packages come from; this environment has them already.
    replace(project, variables=os.environ | {"VIRTUAL_ENV": "", "UV_NO_SYNC": "1"}).run("manage", "requirements")
    draft_revisions(project)

    assert f"No problems found: system, users, auth, {', '.join(PACK)}" in project.run("manage", "check").stdout
    project.run("python", "-m", "ruff", "check", ".")
    project.run("python", "-m", "ruff", "format", "--check", ".")
    project.run("python", "-m", "mypy")

    texts = [file.read_text(encoding="utf-8") for folder in folders for file in folder.glob("tests/*.py")]
    assert passed(project, "modules") >= sum(text.count("def test_") for text in texts) * len(available())
    assert passed(project, "tests", "-m", "module_rules") >= 80
    own = tuple(f"modules/{name}/" for name in PACK)
    assert {file for file in project.changed_files() if not file.startswith(own)} == GENERATED
