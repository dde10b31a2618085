"""A table that is changed while the service works on it."""

import asyncio

import pytest
from sqlalchemy import text

from shared.database.addresses import database_url
from shared.database.engines import create_engine
from shared.testing.databases import available, execute
from tests.migrations.commands import Checkout
from tests.migrations.written import USERS, revision, write_revision

USER = """
INSERT INTO users (id, email, email_key, is_active, is_invited, email_verified, created_at, updated_at)
VALUES ('019a0000-0000-7000-8000-000000000001', 'a@b.org', 'a@b.org', 1, 0, 1, '2026-11-22', '2026-11-22')
"""
ADD = 'op.add_column("users", sa.Column("motto", sa.String(50)))'
CHANGING = text("SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%ADD COLUMN motto%'")


def prepared(project: Checkout) -> None:
    project.alembic("upgrade", "heads")
    execute(project.database, USER)
    write_revision(project.path / "modules/users", "2027_change", revision("users_0000000a", USERS, do=ADD))


@pytest.mark.parametrize("backend", sorted(set(available()) & {"mysql"}), indirect=True)
async def test_who_has_read_the_table_may_still_write_to_it(project: Checkout) -> None:
    await asyncio.to_thread(prepared, project)
    engine = create_engine(database_url(project.database))
    async with engine.connect() as reader, engine.connect() as watcher:
        await reader.execute(text("SELECT * FROM users"))
        upgrade = asyncio.create_task(asyncio.to_thread(project.alembic, "upgrade", "heads"))
        # Until it is seen, or has had many chances to be: it does not wait where others could see it.
        for _ in range(2000):
            if (await watcher.scalar(CHANGING) or 0) > 1:  # the question itself is one
                break
        await reader.execute(text("UPDATE users SET nickname = 'Bob'"))
        await reader.commit()
        await upgrade
        assert (await watcher.execute(text("SELECT nickname, motto FROM users"))).one() == ("Bob", None)
    await engine.dispose()
