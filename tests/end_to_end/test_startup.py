"""Starting: development prepares everything by itself, production refuses to start wrong."""

import asyncio
import json
from dataclasses import replace

import httpx2 as httpx
import pytest

from shared.testing.databases import execute
from shared.testing.envelope import data_of
from tests.conftest import sign_up
from tests.project import Project, free_port, serve

GOOD_KEY = "mZ4vQ8xK1pW7nB3rT9yL5cH2fJ6gD0sA-uE_iO4aYqXw"


def in_development(project: Project, **variables: str) -> Project:
    """As after a fresh clone: no `.env`, no settings."""
    return replace(project, variables={"APP_ENV": "", "JWT_SECRET_KEY": "", "DATABASE_URL": "", **variables})


def in_production(project: Project, **variables: str) -> Project:
    settings = {"APP_ENV": "production", "JWT_SECRET_KEY": GOOD_KEY, "AUTH_BCRYPT_COST": ""}
    return replace(project, variables=settings | variables)


async def ready_in_development(project: Project) -> dict[str, str]:
    """What `/api/ready` says of the migrations when `bootstrap.py` has begun to serve."""
    port = free_port()
    with serve(in_development(project, DATABASE_URL=project.database, APP_PORT=str(port)), "bootstrap.py") as server:
        assert any("Application startup complete" in line for line in server.process.stderr or ())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            migrations: dict[str, str] = data_of(await client.get("/api/ready"))["checks"]["migrations"]
            return migrations


async def test_one_command_serves_from_a_fresh_clone(sqlite_project: Project) -> None:
    port = free_port()
    project = in_development(sqlite_project, APP_PORT=str(port))

    with serve(project, "bootstrap.py") as server:
        for line in server.process.stderr or ():
            if "Application startup complete" in line:
                break
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await sign_up(client)
            assert (await client.get("/docs")).status_code == 200

    said = "".join(server.output)
    assert f"http://127.0.0.1:{port}/docs" in said
    assert "manage auth create-admin" in said
    env_file = project.path / ".env"
    assert env_file.stat().st_mode & 0o077 == 0
    assert env_file.read_text(encoding="utf-8") not in said
    assert project.changed_files() == []


async def test_development_applies_what_is_pending(project: Project) -> None:
    project.alembic("upgrade", "users@head")

    assert (await ready_in_development(project))["auth"] == "applied"


async def test_development_serves_with_a_schema_that_newer_code_has_migrated(project: Project) -> None:
    project.alembic("upgrade", "heads")
    newer = "INSERT INTO alembic_version (version_num) VALUES ('billing_0a1b2c3d')"
    await asyncio.to_thread(execute, project.database, newer)

    migrations = await ready_in_development(project)

    assert (migrations["users"], migrations["billing"]) == ("applied", "ahead")


async def test_uvicorn_alone_serves_from_a_fresh_clone(sqlite_project: Project) -> None:
    project = in_development(sqlite_project)

    with serve(project) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            await sign_up(client)

    secret = (project.path / ".env").read_text(encoding="utf-8")
    with serve(project):
        pass
    assert (project.path / ".env").read_text(encoding="utf-8") == secret


def test_a_process_has_one_app(sqlite_project: Project) -> None:
    look = "import bootstrap; assert bootstrap.app is bootstrap.app"

    in_development(sqlite_project).run("python", "-c", look)


def test_the_command_line_works_before_the_first_start(sqlite_project: Project) -> None:
    project = in_development(sqlite_project)

    assert "No problems found" in project.run("manage", "check").stdout
    assert "JWT_SECRET_KEY=" in (project.path / ".env").read_text(encoding="utf-8")


def test_a_copied_example_gets_its_secret(sqlite_project: Project) -> None:
    project = in_development(sqlite_project)
    (project.path / ".env").write_bytes((project.path / ".env.example").read_bytes())

    with serve(project):
        pass

    lines = (project.path / ".env").read_text(encoding="utf-8").splitlines()
    (secret,) = [line for line in lines if line.startswith("JWT_SECRET_KEY=")]
    assert len(secret) > len("JWT_SECRET_KEY=") + 32
    assert "# AUTH_BCRYPT_COST=12" in lines


@pytest.mark.parametrize("command", [("bootstrap.py",), ("-m", "uvicorn", "bootstrap:app", "--port", "0")])
def test_item_76_production_names_every_fault_at_once_and_no_value(
    sqlite_project: Project, command: tuple[str, ...]
) -> None:
    canary = "canary-too-short"
    project = in_production(sqlite_project, JWT_SECRET_KEY=canary, DEBUG="true", AUTH_BCRYPT_COST="99")

    result = project.run("python", *command, check=False)

    assert result.returncode == 1
    for name in ("JWT_SECRET_KEY", "DEBUG", "ALLOW_SQLITE_IN_PRODUCTION", "AUTH_BCRYPT_COST"):
        assert name in result.stderr
    assert canary not in result.stderr
    assert "Traceback" not in result.stderr
    (line,) = map(json.loads, result.stderr.splitlines())
    assert (line["event"], line["level"], len(line["faults"])) == ("cannot_start", "critical", 4)


def test_item_76_production_does_not_start_behind_its_schema(project: Project) -> None:
    project = in_production(project, ALLOW_SQLITE_IN_PRODUCTION="true")

    by_itself = project.run("python", "bootstrap.py", check=False)
    under_uvicorn = project.run("python", "-m", "uvicorn", "bootstrap:app", "--port", "0", check=False)

    assert by_itself.returncode == 1
    assert "is behind the code in auth, users" in by_itself.stderr
    assert "alembic upgrade heads" in by_itself.stderr
    assert under_uvicorn.returncode != 0
    assert "is behind the code in auth, users" in under_uvicorn.stderr


def test_production_does_not_start_without_its_database(sqlite_project: Project) -> None:
    address = f"postgresql://someone:canary-password@127.0.0.1:{free_port()}/nothing"
    project = in_production(sqlite_project, DATABASE_URL=address)

    result = project.run("python", "bootstrap.py", check=False)

    assert result.returncode == 1
    assert "someone:***@127.0.0.1" in result.stderr
    assert "canary-password" not in result.stderr


async def test_development_says_that_the_database_is_away_and_starts(sqlite_project: Project) -> None:
    address = f"postgresql://someone:canary-password@127.0.0.1:{free_port()}/nothing"
    project = in_development(sqlite_project, DATABASE_URL=address)

    with serve(project) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            assert (await client.get("/api/health")).status_code == 200
            ready = await client.get("/api/ready")
            assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")

    said = "".join(server.output)
    assert "someone:***@127.0.0.1" in said
    assert "canary-password" not in said


async def test_production_serves_without_documentation(project: Project) -> None:
    project.alembic("upgrade", "heads")

    with serve(in_production(project, ALLOW_SQLITE_IN_PRODUCTION="true")) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            user = await sign_up(client)
            for path in ("/docs", "/redoc", "/openapi.json"):
                assert (await client.get(path)).status_code == 401
                assert (await client.get(path, headers=user.headers)).status_code == 404
