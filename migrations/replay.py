"""Runs the whole history on new databases in memory, in the orders in which commands could run it."""

import logging
import re
from collections.abc import Iterator
from itertools import islice, permutations
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import OperationalError

from migrations.references import last_touching, touches
from shared.assembly.branches import Branches, Revision

MISSES_SOMETHING = re.compile("no such (table|column|index)|already exists|duplicate column name")
MOST_PAIRS = 24  # every module is the first once; this is how many pairs of a first and a second are tried


class _DanglingError(Exception):
    """A foreign key refers to a missing table, or to columns that are not a key."""

    def __init__(self, source: str, target: str) -> None:
        super().__init__(f"a foreign key of the table {source!r} then points to nothing in {target!r}")
        self.source, self.target = source, target


def replay_faults(config: Config, branches: Branches) -> Iterator[str]:
    """Run all revisions from empty, in memory, as `upgrade <module>@head` and then `upgrade heads` would.

    SQLite is enough to check an order: it accepts a foreign key to nothing, but all are checked after each revision,
    as the other databases do by themselves.
    """
    script = ScriptDirectory.from_config(config)
    told = set()
    for order, commands in _orders(script, branches).items():
        fault = _Replay(branches).run(config, script, order)
        if fault and fault not in told:
            told.add(fault)
            yield f"{fault} (seen on a new database with {commands})"


def _orders(script: ScriptDirectory, branches: Branches) -> dict[tuple[str, ...], str]:
    """Each order in which the revisions would run, once, with commands that lead to it."""
    modules, found = list(branches.modules), dict[tuple[str, ...], str]()
    for firsts in [*permutations(modules, 1), *islice(permutations(modules, 2), MOST_PAIRS)]:
        destinations = [*(f"{module}@head" for module in firsts), "heads"]
        order: tuple[str, ...] = ()
        for destination in destinations:
            rows = set(order) - {parent for one in order for parent in branches[one].parents}
            steps = script.iterate_revisions(destination, tuple(rows), implicit_base=True)
            order += tuple(reversed([step.revision for step in steps]))
        found.setdefault(order, ", ".join(f"`alembic upgrade {destination}`" for destination in destinations))
    return found


class _Replay:
    """One new database, and the revisions that it has run."""

    def __init__(self, branches: Branches) -> None:
        self._branches = branches
        self._done: list[Revision] = []
        self._tables: set[str] = set()
        self._dropped_by: dict[str, Revision] = {}

    def run(self, config: Config, script: ScriptDirectory, order: tuple[str, ...]) -> str | None:
        """Run the revisions one after the other; returns the fault of the first that fails."""
        logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
        steps = [MigrationStep.upgrade_from_script(script.revision_map, script.get_revision(one)) for one in order]
        engine = create_engine("sqlite://")
        try:
            with engine.connect() as connection, EnvironmentContext(config, script, fn=lambda *_: steps) as environment:
                environment.configure(connection=connection, on_version_apply=self._look)  # type: ignore[arg-type]  # it calls by name
                environment.run_migrations()
        except _DanglingError as error:
            return self._advice(error)
        except OperationalError as error:
            # A statement that SQLite cannot run says nothing about the order: the history is for other databases.
            if not MISSES_SOMETHING.search(str(error.orig)):
                return None
            revision = self._branches[order[len(self._done)]]
            return (
                f"{revision.file} fails: {error.orig}. If it wants what another revision makes, or has to come before "
                f"one that drops it, name that in depends_on, in whichever has to wait"
            )
        except Exception:  # noqa: BLE001 - a revision may fail here with anything, as one for PostgreSQL alone does
            return None
        finally:
            engine.dispose()
        return None

    def _look(self, *, ctx: Any, step: Any, **_: Any) -> None:
        revision, connection = self._branches[step.up_revision_id], ctx.connection
        before, self._tables = self._tables, set(inspect(connection).get_table_names())
        self._dropped_by |= dict.fromkeys(before - self._tables, revision)
        self._done.append(revision)
        for source, target in _foreign_keys(connection):
            if target not in self._tables:
                raise _DanglingError(source, target)
        try:
            connection.execute(text("PRAGMA foreign_key_check")).fetchall()
        except OperationalError as error:  # foreign key mismatch - "child" referencing "parent"
            source, target = str(error.orig).split('"')[1::2]
            raise _DanglingError(source, target) from None

    def _advice(self, error: _DanglingError) -> str:
        """Advice which revision has to wait for which."""
        owners = self._branches.created_tables()
        latest = self._done[-1]
        if error.target not in self._tables and error.target not in self._dropped_by:
            maker = next((one for one in self._branches.values() if error.target in one.tables), None)
            waits, other = latest, maker
        else:
            of_target = [one for one in self._done if one.module == owners.get(error.target)]
            changed = [one for one in of_target if touches(one, [error.target])]
            waits = self._dropped_by.get(error.target) or [*changed, latest][-1]
            other = last_touching(self._branches, owners.get(error.source, ""), [error.source])
        if other is None or other in self._done:
            return f"{latest.file}: after it {error}"
        depends_on = (*waits.depends_on, other.id)
        return (
            f"{latest.file}: after it {error}. {waits.file} has to wait for {other.file}: write "
            f"`depends_on = {depends_on!r}` into it. That is an order alone, `requires` stays as it is"
        )


def _foreign_keys(connection: Connection) -> Iterator[tuple[str, str]]:
    for table in inspect(connection).get_table_names():
        for key in connection.execute(text(f'PRAGMA foreign_key_list("{table}")')).mappings():
            yield table, key["table"]
