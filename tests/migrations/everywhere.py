"""One copy of the project, and a database of each kind."""

import asyncio
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Inspector, inspect

from shared.database.addresses import database_url
from shared.database.engines import create_engine
from tests.migrations.commands import Checkout


def on_all(everywhere: dict[str, Checkout], *commands: str) -> None:
    for name, project in everywhere.items():
        result = project.alembic(*" && ".join(commands).split(), check=False)
        assert result.returncode == 0, f"{name}:\n{result.stdout}"


def shapes(everywhere: dict[str, Checkout]) -> set[str]:
    """What each database says of its tables."""
    return {f"{name}: {line}" for name, project in everywhere.items() for line in asyncio.run(shape(project.database))}


async def shape(address: str) -> list[str]:
    engine = create_engine(database_url(address), execution_options={"is_reading": True})
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda sync: [*described(inspect(sync))])
    await engine.dispose()
    return found


def described(database: Inspector) -> Iterator[str]:
    for table in database.get_table_names():
        yield f"{table}: {database.get_table_comment(table) if database.dialect.supports_comments else None}"
        for ask in (
            database.get_columns,
            database.get_foreign_keys,
            database.get_indexes,
            database.get_unique_constraints,
            database.get_check_constraints,
        ):
            found: list[dict[str, Any]] = [*map(dict, ask(table))]
            for one in found:
                conditions = {name: str(condition) for name, condition in one.pop("dialect_options", {}).items()}
                yield f"{table}: {sorted(one.items())} {conditions}"
