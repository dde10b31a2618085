"""Tells older code, which lacks the file, that a revision breaks it: by a row that it can read."""

from collections.abc import Callable, Iterable
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.schema import CreateTable

from shared.assembly.branches import MAXIMUM_ID_LENGTH, Branches
from shared.assembly.migration_state import BREAKING

TABLE = Table(BREAKING, MetaData(), Column("version_num", String(MAXIMUM_ID_LENGTH), primary_key=True))


def mark_breaking(branches: Branches) -> Callable[..., None]:
    """Alembic's `on_version_apply` hook: a revision with `breaks_older_code = True` has a row while it is applied."""
    breaking = [revision.id for revision in branches.values() if revision.breaks_older_code]

    def mark(*, ctx: MigrationContext, heads: Iterable[str], **_: Any) -> None:
        if not breaking:
            return
        applied = branches.applied(heads)
        ctx.execute(CreateTable(TABLE, if_not_exists=True))
        ctx.execute(TABLE.delete().where(TABLE.c.version_num.in_(breaking)))
        for revision_id in breaking:
            if revision_id in applied:
                ctx.execute(TABLE.insert().values(version_num=revision_id))

    return mark
