"""Reports how far a failed revision got, and what to do next."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DBAPIError

from shared.database.addresses import printable
from shared.database.outages import REFUSED, what_to_do

CHANGE = re.compile(r"\s*(ALTER|CREATE|DROP|RENAME|TRUNCATE)\b", re.IGNORECASE)
WRITE = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
ALEMBICS_OWN = re.compile(r"\balembic_(version|breaking)\b")

# MariaDB: a table, column, key or constraint that exists already, or is gone already.
DONE_BEFORE = {1005, 1050, 1051, 1060, 1061, 1091, 1826}
SHOWN = 100


class Run:
    """Follows the revisions of one command, so that a failure names its revision."""

    def __init__(self, connection: Connection, *, is_handed_in: bool) -> None:
        self._connection = connection
        self._is_handed_in = is_handed_in
        self._step: Any = None
        self._executed: list[str] = []

    def followed(self, plan: Any) -> Any:
        def run(rows: Any, migration: MigrationContext) -> Iterator[Any]:
            steps = plan(rows, migration)
            event.listen(self._connection, "after_cursor_execute", self._note)
            try:
                for step in steps:
                    self._step, self._executed = step, []
                    yield step
            finally:
                event.remove(self._connection, "after_cursor_execute", self._note)
            self._step = None

        return run

    def _note(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if (CHANGE.match(statement) or WRITE.match(statement)) and not ALEMBICS_OWN.search(statement):
            self._executed.append(statement)

    def tell(self, error: Exception) -> None:
        """Raise it again: naming the revision and what to do if the database refused it, else with a note.

        Raises:
            CommandError: The database refused a statement, which shows where, so that no traceback is needed.
        """
        if self._step is None or isinstance(error, CommandError) or not hasattr(self._step, "revision"):
            raise error
        revision = self._step.revision
        outcome = self._outcome(error, revision)
        if isinstance(error, DBAPIError):
            raise CommandError(f"Revision {revision.revision} ({revision.path}) failed: {error}\n{outcome}") from error
        error.add_note(f"Revision {revision.revision} failed. {outcome}")
        raise error

    def _outcome(self, error: Exception, revision: Any) -> str:
        advice = what_to_do(error)
        told = [advice] if advice not in {"", REFUSED} else []
        if self._connection.dialect.name == "mysql":
            return "\n".join([*self._half_done(error, revision.revision), *told])
        if self._is_handed_in:
            told.append("Roll back the transaction that you have handed in.")
        elif self._connection.dialect.name == "sqlite":
            told.append("Nothing was changed: on SQLite the whole run is one transaction.")
        else:
            told.append("It was rolled back; the revisions before it stay applied.")
            if "autocommit_block" in Path(revision.path).read_text(encoding="utf-8"):
                told.append("What stands in an autocommit_block of it was executed at once: look what is there.")
        return "\n".join(told)

    def _half_done(self, error: Exception, revision_id: str) -> list[str]:
        stays = self._what_stays(error)
        was_done_before = isinstance(error, DBAPIError) and error.orig is not None and error.orig.args[0] in DONE_BEFORE
        if not stays and not was_done_before:
            return ["Nothing of it was executed; the revisions before it stay applied."]
        told = ["MariaDB cannot take changes of tables back: this revision may be half done."]
        if stays:
            told += ["These statements of it were executed now and stay:", *(f"  {_short(one)}" for one in stays)]
        if was_done_before:
            told.append("Part of it was there before this run, as after a run that failed or was killed: look what is.")
        record = f"alembic stamp {revision_id}" if self._step.is_upgrade else "alembic stamp"
        return [
            *told,
            "Either undo by hand what is done of it and run the command again,",
            f"or do the rest by hand and record that with `{record}`.",
        ]

    def _what_stays(self, error: Exception) -> list[str]:
        """The statements that MariaDB keeps: a change of a table commits the earlier ones, even if it fails itself."""
        failed = getattr(error, "statement", None) or ""
        if CHANGE.match(failed):
            return self._executed
        last = max((number for number, one in enumerate(self._executed, 1) if CHANGE.match(one)), default=0)
        return self._executed[:last]


def refusal(error: DBAPIError, url: URL) -> CommandError:
    """For an error of the database outside of any revision."""
    return CommandError(f"The database {printable(url)} cannot be used: {error}\n{what_to_do(error)}")


def _short(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
