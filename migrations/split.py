"""`alembic revision --autogenerate` for modules: a file for each module that changed, in its folder, on its branch."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from alembic.config import Config
from alembic.operations.ops import (
    AddColumnOp,
    CreateCheckConstraintOp,
    CreateForeignKeyOp,
    CreateTableOp,
    DowngradeOps,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    MigrationScript,
    ModifyTableOps,
    UpgradeOps,
)
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError, msg
from sqlalchemy import Column

from migrations.declared import Declarations
from migrations.faithful import check_drafts
from migrations.keys import renew_keys, take_out_circular_keys
from migrations.moves import mistaken_moves, moved_tables
from migrations.order import in_order, users_of_dropped
from migrations.portability import check_models
from migrations.writing import dependencies, module_of_head, refuse_options_of_draft
from shared.assembly.branches import Branches, new_revision_id
from shared.assembly.discovery import Modules
from shared.database import Base


@dataclass
class _Draft:
    """The changes in one module."""

    upgrade: list[MigrateOperation] = field(default_factory=list)
    downgrade: list[MigrateOperation] = field(default_factory=list)
    refers_to: set[str] = field(default_factory=set)


class Splitter:
    """Alembic's `process_revision_directives` and `include_object` hooks.

    A table belongs to the module of its model; without a model, to the module whose revisions made it.
    """

    def __init__(self, config: Config, modules: Modules, owners: dict[str, str], branches: Branches) -> None:
        self._options: Any = config.cmd_opts
        self._modules = modules
        self._models = owners
        self._branches = branches

    @cached_property
    def _created(self) -> dict[str, str]:
        return self._branches.created_tables()

    @cached_property
    def _owners(self) -> dict[str, str]:
        return {**self._created, **self._models}

    def include_object(self, _item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
        """Leave out tables of the database that no module knows: they are not ours to drop."""
        is_unknown = type_ == "table" and reflected and compare_to is None and name not in self._owners
        return not is_unknown

    def process(self, context: MigrationContext, _revision: Any, directives: list[MigrationScript]) -> None:
        """Split Alembic's draft into one for each module. Only for `alembic revision`, not for `check`."""
        if moved := [*moved_tables(self._models, self._created, self._modules)]:
            raise CommandError("\n".join(moved))
        if not hasattr(self._options, "autogenerate"):
            check_models(Base.metadata.tables.values())
        if not getattr(self._options, "autogenerate", False):
            return
        draft = directives[0]
        refuse_options_of_draft(draft, self._branches)
        declared = Declarations(context, Base.metadata).put_into(draft.upgrade_ops_list[0].ops)
        renew_keys(declared, Base.metadata)
        upgrade = UpgradeOps(take_out_circular_keys(declared))
        draft.upgrade_ops, draft.downgrade_ops = upgrade, upgrade.reverse()
        everything = self._by_module(draft)
        chosen = module_of_head(draft.head, self._modules, self._branches)
        drafts = {name: one for name, one in everything.items() if chosen in {None, name}}
        wanted = dependencies(draft.depends_on, self._modules, self._branches)
        if wanted and len(drafts) > 1:
            raise CommandError(
                f"--depends-on: {', '.join(drafts)} have changed; say which one depends on it: --head <module>@head"
            )
        if mistaken := [*mistaken_moves({name: one.upgrade for name, one in drafts.items()})]:
            raise CommandError("\n".join(mistaken))
        self._check_references(drafts, _created_tables(everything) - _created_tables(drafts))
        check_drafts([one for draft in drafts.values() for one in (*draft.upgrade, *draft.downgrade)], context)
        directives[:] = list(self._scripts(draft, drafts, wanted))
        if not directives:
            msg("No model has changed: no file was written.")

    def _by_module(self, draft: MigrationScript) -> dict[str, _Draft]:
        drafts: dict[str, _Draft] = defaultdict(_Draft)
        for operation in _droppable(draft.upgrade_ops_list[0].ops):
            one = drafts[self._owner(operation)]
            one.upgrade.append(operation)
            one.refers_to |= {table for table in _referred_tables(operation) if table in self._owners}
        for operation in _droppable(draft.downgrade_ops_list[0].ops):
            drafts[self._owner(operation)].downgrade.append(operation)
        return drafts

    def _owner(self, operation: MigrateOperation) -> str:
        table = getattr(operation, "table_name", None)
        if table is None:
            raise CommandError(
                f"{type(operation).__name__} belongs to no table, so to no module. Write it by hand: "
                "`alembic revision --head <module>@head -m ...`"
            )
        owner = self._owners.get(table)
        if owner is None:
            raise CommandError(f"No module owns the table {table!r}: its model must stand in a module's models.py")
        return owner

    def _check_references(self, drafts: dict[str, _Draft], left_out: set[str]) -> None:
        """Refuse a foreign key that the revision could not have: check_branches would, and then every command fails."""
        for name, one in drafts.items():
            for table in sorted(one.refers_to):
                owner = self._owners[table]
                if owner not in self._modules.required_by(name) | {name}:
                    raise CommandError(
                        f"module {name!r} refers to the table {table!r} of module {owner!r}, which "
                        f"{self._modules[name].path / 'module.py'} does not require: add it to `requires` there"
                    )
                if table in left_out or (owner not in drafts and not self._branches.of(owner)):
                    raise CommandError(
                        f"module {name!r} refers to the table {table!r} of module {owner!r}, which no revision makes "
                        f"yet: leave --head away, or give the command with --head {owner}@head first"
                    )

    def _scripts(
        self, draft: MigrationScript, drafts: dict[str, _Draft], wanted: list[str]
    ) -> Iterator[MigrationScript]:
        ids = {name: new_revision_id(name) for name in drafts}
        heads = {name: head[0].id for name in self._modules if (head := self._branches.heads(name))}
        operations = {name: one.upgrade for name, one in drafts.items()}
        depends_on = {
            name: {(heads | ids)[owner] for table in one.refers_to if (owner := self._owners[table]) != name}
            | users_of_dropped(name, operations, self._branches, ids)
            for name, one in drafts.items()
        }
        # A file can only name files that are written already, so one that another waits for comes first.
        waits_for = {name: [other for other in drafts if ids[other] in depends_on[name]] for name in drafts}
        for name in in_order(list(self._modules), waits_for):
            yield MigrationScript(
                rev_id=ids[name],
                message=draft.message,
                upgrade_ops=UpgradeOps(drafts[name].upgrade),
                downgrade_ops=DowngradeOps(drafts[name].downgrade),
                imports=draft.imports,
                head=heads.get(name, "base"),
                branch_label=None if name in heads else name,
                version_path=str(self._modules[name].migrations),
                depends_on=[*sorted(depends_on[name]), *wanted],
            )


def _created_tables(drafts: dict[str, _Draft]) -> set[str]:
    return {one.table_name for draft in drafts.values() for one in draft.upgrade if isinstance(one, CreateTableOp)}


def _droppable(operations: Sequence[MigrateOperation]) -> Iterator[MigrateOperation]:
    """Order drops, and leave out needless ones: MariaDB refuses to drop what something else still uses."""
    dropped = {operation.table_name for operation in operations if isinstance(operation, DropTableOp)}
    for operation in operations:
        if isinstance(operation, ModifyTableOps):
            operation.ops.sort(key=_rank)
            if operation.table_name in dropped and all(isinstance(one, DropIndexOp) for one in operation.ops):
                continue  # the indexes go with the table
        yield operation


def _rank(operation: MigrateOperation) -> int:
    """A key is dropped before its index, and a CHECK before its column; they are added after them."""
    if isinstance(operation, DropConstraintOp):
        return {"foreignkey": 0, "check": 1}.get(str(operation.constraint_type), 2)
    return 3 if isinstance(operation, CreateForeignKeyOp | CreateCheckConstraintOp) else 2


def _referred_tables(operation: MigrateOperation) -> Iterator[str]:
    """Tables that a new foreign key points to."""
    if isinstance(operation, ModifyTableOps):
        for inner in operation.ops:
            yield from _referred_tables(inner)
    elif isinstance(operation, CreateForeignKeyOp):
        yield operation.referent_table
    elif isinstance(operation, CreateTableOp):
        yield from (key.column.table.fullname for key in operation.to_table().foreign_keys)
    elif isinstance(operation, AddColumnOp):
        column: Column[Any] = operation.column
        yield from (key.target_fullname.rpartition(".")[0] for key in column.foreign_keys)
