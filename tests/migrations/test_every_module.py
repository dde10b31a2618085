"""What holds for the branch of each module there is, whoever wrote it."""

import ast
import asyncio
import io
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Constraint, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from migrations.commands import INI, branch_faults
from shared.assembly.branches import read_branches
from shared.assembly.discovery import discover
from shared.assembly.migration_state import Migrations
from shared.database import Base
from shared.database.addresses import database_url
from shared.testing.databases import execute

pytestmark = pytest.mark.module_rules

MODULES = discover()
WITH_TABLES = sorted(set(MODULES.import_models().values()))
FILE_NAME = re.compile(r"\d{4}_\d{2}_\d{2}_\d{6}_[a-z0-9_]+\.py")


def config_for(database: str) -> Config:
    config = Config(INI)
    config.attributes["url"] = database_url(database)
    return config


def in_order() -> list[Script]:
    """Every revision, each after those it builds on."""
    return list(reversed(list(ScriptDirectory.from_config(Config(INI)).walk_revisions())))


def module_of(script: Script) -> str:
    return Path(script.path).parent.parent.name


def schema_of(database: str) -> dict[str, list[str]]:
    """Columns, constraints and indexes of every table but Alembic's own."""
    return asyncio.run(_schema_of(database))


async def _schema_of(database: str) -> dict[str, list[str]]:
    engine = create_async_engine(database_url(database), poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(_reflect)


def _reflect(connection: Connection) -> dict[str, list[str]]:
    metadata = MetaData()
    metadata.reflect(connection)
    return {
        table.name: sorted(
            [f"{column.name} {column.type} {column.nullable}" for column in table.columns]
            + [f"{type(one).__name__} {one.name} {_columns_of(one)}" for one in table.constraints]
            + [f"{index.name} {index.columns.keys()} {index.unique}" for index in table.indexes]
        )
        for table in metadata.sorted_tables
        if table.name != "alembic_version"
    }


def _columns_of(constraint: Constraint) -> list[str]:
    return constraint.columns.keys() if isinstance(constraint, ColumnCollectionConstraint) else []


def test_some_modules_have_tables() -> None:
    assert {"users", "auth"} <= set(WITH_TABLES)


@pytest.mark.parametrize("name", WITH_TABLES)
def test_a_module_is_one_line_of_revisions_under_its_own_name(name: str) -> None:
    scripts = [script for script in in_order() if module_of(script) == name]

    assert [script.down_revision for script in scripts] == [None, *(one.revision for one in scripts[:-1])]
    assert all(name in script.branch_labels for script in scripts)
    assert all(re.fullmatch(rf"{name}_[0-9a-f]{{8}}", script.revision) for script in scripts)
    assert all(len(script.revision) <= 32 for script in scripts)
    files = [Path(script.path).name for script in scripts]
    assert all(FILE_NAME.fullmatch(file) for file in files)
    assert files == sorted(files)


def test_the_branches_of_the_project_have_no_faults() -> None:
    assert list(branch_faults(MODULES)) == []


def test_a_revision_imports_nothing_of_the_project() -> None:
    imported = set()
    for file in (Path(script.path) for script in in_order()):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file} imports from a package around it"
                imported.add(str(node.module).partition(".")[0])

    assert imported >= {"alembic", "sqlalchemy"}
    assert not imported & {"bootstrap", "migrations", "modules", "shared", "tests"}


def test_item_83_every_revision_can_be_taken_back_and_repeated(empty_database: str) -> None:
    config, steps = config_for(empty_database), in_order()
    schemas = [schema_of(empty_database)]
    for step in steps:
        command.upgrade(config, step.revision)
        schemas.append(schema_of(empty_database))
        command.downgrade(config, f"{module_of(step)}@-1")
        assert schema_of(empty_database) == schemas[-2], f"{step.revision} leaves something behind"
        command.upgrade(config, step.revision)
        assert schema_of(empty_database) == schemas[-1], f"{step.revision} is not the same twice"
    command.check(config)  # raises when the models say something else than the revisions made

    for step, before in zip(reversed(steps), reversed(schemas[:-1]), strict=True):
        command.downgrade(config, f"{module_of(step)}@-1")
        assert schema_of(empty_database) == before
    assert execute(empty_database, "SELECT version_num FROM alembic_version") == []


@pytest.mark.parametrize(
    "address", ["sqlite:////nowhere/app.db", "postgresql://nobody@127.0.0.1:1/app", "mysql://nobody@127.0.0.1:1/app"]
)
def test_the_statements_can_be_printed_without_a_database(address: str) -> None:
    output = io.StringIO()
    config = config_for(address)
    config.output_buffer = output

    command.upgrade(config, "heads", sql=True)

    for script in in_order():
        assert f"VALUES ('{script.revision}')" in output.getvalue() or f"num='{script.revision}'" in output.getvalue()
    for table in Base.metadata.tables:
        assert f"CREATE TABLE {table} (" in output.getvalue()


async def test_the_printed_statements_do_what_the_upgrade_does(tmp_path: Path) -> None:
    output = io.StringIO()
    config = config_for("sqlite://")
    config.output_buffer = output
    await asyncio.to_thread(command.upgrade, config, "heads", sql=True)

    file = tmp_path / "test.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(output.getvalue())

    engine = create_async_engine(database_url(f"sqlite:///{file}"), poolclass=NullPool)
    assert set((await Migrations(read_branches(MODULES), {})(engine)).values()) == {"applied"}
    await asyncio.to_thread(command.check, config_for(f"sqlite:///{file}"))
