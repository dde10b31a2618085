"""Checks a command before it runs: refuses one that would fail, and announces one that does more than was typed."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError, msg

from migrations.faults import two_heads
from shared.assembly.branches import Branches, module_of
from shared.assembly.discovery import Modules


class Plan:
    """Checks a command before it changes anything."""

    def __init__(self, config: Config, modules: Modules, branches: Branches) -> None:
        self._options: Any = config.cmd_opts
        self._modules = modules
        self._branches = branches
        self._rows: set[str] = set()

    def refuse_orphans(self, rows: Iterable[str], *, is_purged: bool) -> None:
        """Refuse revisions that are not in the code, by module and with advice, unlike "Can't locate revision"."""
        self._rows = set(rows)
        orphans = sorted(row for row in self._rows if row not in self._branches)
        if not orphans or is_purged:
            return
        missing = ", ".join(repr(module_of(row)) for row in orphans)
        known = [row for row in orphans if module_of(row) in self._modules]
        advice = (
            f"{', '.join(known)}: the code here is older than the database, or the file was deleted; deploy the newer "
            "code"
            if known
            else "If the module was renamed, or became part of another, keep its rows as docs/changing-modules.md has "
            "it: `alembic stamp --purge heads`. If the folder was deleted while its tables are still there, put it "
            f"back into modules/, run `alembic downgrade {module_of(orphans[0])}@base` (its tables and their rows are "
            "dropped), then delete it"
        )
        raise CommandError(
            f"The database has revisions of {missing} that are not in the code: {', '.join(orphans)}. {advice}."
        )

    def announced(self, plan: Any) -> Any:
        """Before anything is done: refuse two heads, and name the modules that the command also takes back."""

        def run(rows: Any, migration_context: MigrationContext) -> list[Any]:
            steps = list(plan(rows, migration_context))
            if any(step.is_upgrade for step in steps):
                faults = [fault for name in self._modules if (fault := two_heads(self._branches, name))]
                if faults:
                    raise CommandError("\n".join(faults))
            named = {module_of(part) or part for part in self._named_in_command()} | set(self._named_in_command())
            undone = {module for step in steps if not step.is_upgrade for module in _modules_undone(step)}
            taken_along = sorted(undone - named)
            if named and taken_along:
                msg(f"Note: this also takes back {', '.join(taken_along)}, which build on what you named.")
            if any(_is_stamp(step) for step in steps):
                msg(self._stamped(steps, migration_context))
            return steps

        return run

    def _stamped(self, steps: list[Any], migration_context: MigrationContext) -> str:
        rows = set() if migration_context.purge else set(self._rows)
        for step in steps:
            rows = rows - set(step.from_) | set(step.to_)
        before, after = self._branches.applied(self._rows), self._branches.applied(rows)
        gone = sorted(row for row in self._rows if row not in self._branches and row not in rows)
        changes = {"Now marked as applied": after - before, "No longer marked": {*(before - after), *gone}}
        parts = [f"{what}: {_by_module(ids)}." for what, ids in changes.items() if ids]
        return " ".join(["A stamp changes no table, only what counts as applied.", *parts, "Compare: `alembic check`."])

    def _named_in_command(self) -> list[str]:
        """The typed modules and ids: `users` for `users@base`."""
        options = self._options
        typed = getattr(options, "revisions", None) or [getattr(options, "revision", None) or ""]
        return [one.partition("@")[0] for one in typed if "@" in one or one in self._branches]


def _modules_undone(step: Any) -> set[str]:
    if _is_stamp(step):
        return {module_of(row) for row in step.from_} - {module_of(row) for row in step.to_}
    return {module_of(step.revision.revision)}


def _is_stamp(step: Any) -> bool:
    return not hasattr(step, "revision")


def _by_module(ids: Iterable[str]) -> str:
    counts = Counter(module_of(one) for one in ids)
    return ", ".join(f"{module} ({count} revision{'s' * (count > 1)})" for module, count in sorted(counts.items()))
