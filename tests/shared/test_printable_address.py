"""Nothing that may be a password of the database is shown, wherever in its address it stands."""

import ast

import pytest
from sqlalchemy import make_url

from shared.database.addresses import printable
from shared.project import ROOT
from tests.architecture.module_borders import files_in
from tests.project import Project

START = """
import anyio, bootstrap

async def start():
    async with bootstrap.app.router.lifespan_context(bootstrap.app):
        pass

anyio.run(start)
"""
KEY = "mZ4vQ8xK1pW7nB3rT9yL5cH2fJ6gD0sA-uE_iO4aYqXw"

CANARY = "CANARY-9d3f"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"postgresql://u:{CANARY}@h/db", "postgresql://u:***@h/db"),
        (f"postgresql://h/db?user=u&password={CANARY}", "postgresql://h/db?password=***&user=***"),
        (
            f"postgresql://h/db?sslpassword={CANARY}&passfile=/x/{CANARY}",
            "postgresql://h/db?passfile=***&sslpassword=***",
        ),
        (f"mysql://h/db?passwd={CANARY}&passwd={CANARY}", "mysql://h/db?passwd=***"),
        ("sqlite:///./app.db", "sqlite:///./app.db"),
        ("postgresql://u@h:5432/db", "postgresql://u@h:5432/db"),
    ],
)
def test_only_what_is_no_secret_is_shown(address: str, shown: str) -> None:
    assert printable(make_url(address)) == shown


@pytest.mark.parametrize("app_env", ["development", "production"])
def test_neither_the_service_nor_alembic_prints_a_password_behind_the_question_mark(
    sqlite_project: Project, app_env: str
) -> None:
    project = Project(
        sqlite_project.path,
        f"postgresql://127.0.0.1:1/nothing?user=nobody&password={CANARY}",
        variables={
            "APP_ENV": app_env,
            "JWT_SECRET_KEY": KEY,
            "AUTH_BCRYPT_COST": "",
        },
    )

    for result in (project.run("python", "-c", START, check=False), project.alembic("upgrade", "heads", check=False)):
        said = result.stdout + result.stderr
        assert "cannot be used" in said
        assert "password=***" in said
        assert CANARY not in said


# Not all below it: there are environments with the packages of others.
BENCHMARKS = ("benchmarks/databases.py", "benchmarks/servers.py", "benchmarks/scenarios", "benchmarks/probes")


def test_every_address_is_printed_by_the_one_function() -> None:
    places = [ROOT / name for name in ("bootstrap.py", "modules", "shared", "migrations", *BENCHMARKS)]
    hiding = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in files_in(*places)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "hide_password" and ast.unparse(node.value) == "True"
    ]

    assert [place.partition(":")[0] for place in hiding] == ["shared/database/addresses.py"]
