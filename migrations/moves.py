"""Refuses to draft a table's move to another module: the draft would lose the rows."""

from collections.abc import Iterator, Mapping, Sequence

from alembic.operations.ops import CreateTableOp, DropTableOp, MigrateOperation
from sqlalchemy import Column

from shared.assembly.discovery import Modules

GUIDE = "docs/changing-modules.md has it step by step"


def moved_tables(models: Mapping[str, str], makers: Mapping[str, str], modules: Modules) -> Iterator[str]:
    """Advice for each table whose model stands in one module and whose revisions stand in another."""
    for table, owner in models.items():
        maker = makers.get(table, owner)
        if maker != owner:
            yield (
                f"The table {table!r} was made by module {maker!r}, and its model now stands in module {owner!r}. A "
                f"table cannot change its branch under one name: take the model back to "
                f"{modules[maker].path / 'models.py'}, or keep the rows under a new name: "
                f"{_rename(table, owner, maker)}"
            )


def mistaken_moves(drafts: Mapping[str, Sequence[MigrateOperation]]) -> Iterator[str]:
    """Advice where one module's draft drops a table and another's makes one with the same columns."""
    for owner, operations in drafts.items():
        for made in (one for one in operations if isinstance(one, CreateTableOp)):
            for maker, others in drafts.items():
                for gone in (one for one in others if isinstance(one, DropTableOp)):
                    if owner != maker and _columns(made) == _columns(gone):
                        yield (
                            f"This would drop the table {gone.table_name!r} of module {maker!r} with its rows, and "
                            f"make {made.table_name!r} in module {owner!r} empty. If it is one table, keep the rows: "
                            f"{_rename(gone.table_name, owner, maker, made.table_name)}. If it is another, draft them "
                            f"one by one: --head {maker}@head, then --head {owner}@head"
                        )


def _rename(table: str, owner: str, maker: str, name: str | None = None) -> str:
    new = name or f"{owner}_{table}"
    return (
        f"`__tablename__ = {new!r}`, then `alembic revision --head {owner}@head --depends-on {maker}@head -m 'take "
        f"over {table}'`, and in it `op.rename_table({table!r}, {new!r})`; {GUIDE}"
    )


def _columns(operation: CreateTableOp | DropTableOp) -> set[str]:
    table = operation.to_table()
    columns: list[Column[object]] = list(table.columns)
    return {column.name for column in columns}
