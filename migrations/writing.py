"""Writes all revision files, of `revision`, `merge` or a draft, but none that would stop every later command."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NoReturn

from alembic.operations.ops import MigrationScript
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple

from migrations.faults import faults_of, is_id_of, two_heads
from shared.assembly.branches import Branches, Revision, module_of, new_revision_id, read_branches
from shared.assembly.discovery import Modules

HEADS = {"head", "heads"}


class Writer:
    """Wraps Alembic's `generate_revision`, by which every command writes its file."""

    def __init__(self, script: ScriptDirectory, modules: Modules) -> None:
        self._write = script.generate_revision
        self._modules = modules

    def generate_revision(self, revid: str, message: str | None, **given: Any) -> Script | None:
        """Write the file with the id, label, folder and dependencies that its module requires, or refuse."""
        head, labels, place = given.pop("head", None), given.pop("branch_labels", None), given.pop("version_path", None)
        branches = read_branches(self._modules)
        if given.pop("splice", False):
            _refuse("--splice: a module's history is one line, so a new revision follows its latest one: leave it away")
        if head is None or isinstance(head, str):
            module, down = self._followed(head, place, branches)
        else:
            module, down = self._merged(head, branches)
        folder, wanted = self._modules[module].migrations, given.pop("depends_on", None)
        revision = Revision(
            id=self._id(module, revid),
            module=module,
            file=folder / "(the new file)",
            down=down,
            labels=() if down else (module,),
            depends_on=tuple(one for one in dependencies(wanted, self._modules, branches) if one not in down),
        )
        if labels and to_tuple(labels) != revision.labels:
            _refuse(
                f"--branch-label {_listed(to_tuple(labels))}: a module's first revision gets the module's name by "
                "itself, and no other one has a label: leave it away"
            )
        if place is not None and Path(place).resolve() != folder.resolve():
            _refuse(f"--version-path {place}: a revision of {module!r} belongs into {folder}: leave it away")
        if faults := faults_of(self._modules, [*branches.values(), revision]):
            _refuse("\n".join(faults))
        folder.mkdir(exist_ok=True)
        return self._write(
            revision.id,
            message,
            head=revision.down or "base",
            branch_labels=revision.labels or None,
            version_path=str(folder),
            depends_on=revision.depends_on or None,
            **given,
        )

    def _id(self, module: str, typed: str) -> str:
        if re.fullmatch("[0-9a-f]{12}", typed):  # made by Alembic
            return new_revision_id(module)
        if not is_id_of(module, typed):
            _refuse(
                f"--rev-id {typed}: an id is {module!r}, an underscore and 8 hexadecimal digits: leave --rev-id away, "
                "and one is made"
            )
        return typed

    def _followed(
        self, head: str | None, version_path: str | Path | None, branches: Branches
    ) -> tuple[str, tuple[str, ...]]:
        """The module, and the revision that the new one follows: none for a module's first."""
        folders = {str(module.migrations): name for name, module in self._modules.items()}
        if head == "base" and str(version_path) in folders:
            return folders[str(version_path)], ()
        module = module_of_head(head, self._modules, branches)
        if module is None:
            _refuse(
                f"Say which module this revision is for, one of {', '.join(self._modules)}: add --head <module>@head"
            )
        heads = [one.id for one in branches.heads(module)]
        named = [one for one in heads if head in {one, f"{module}@{one}"}] or heads
        if len(named) > 1:
            _refuse(str(two_heads(branches, module)))
        return module, tuple(named)

    def _merged(self, typed: Iterable[str], branches: Branches) -> tuple[str, tuple[str, ...]]:
        """The module whose heads are merged, and the heads. Modules are never merged with each other."""
        ids = []
        for one in typed:
            label, _, place = one.partition("@")
            if one in HEADS:
                ids += [head.id for module in branches.modules for head in branches.heads(module)]
            elif label in self._modules and (place in HEADS or not place):
                ids += [head.id for head in branches.heads(label)]
            else:
                ids.append(_id_in(branches, place or one))
        ids = list(dict.fromkeys(ids))
        modules = sorted({branches[one].module for one in ids})
        if len(modules) > 1:
            split = [name for name in self._modules if two_heads(branches, name)]
            advice = [f"to join the heads of {one}, run `alembic merge -m 'merge {one}' {one}@heads`" for one in split]
            _refuse(
                f"This would merge the modules {_listed(modules)}. Each module keeps a line of its own, and `alembic "
                f"upgrade heads` takes them all; {'; '.join(advice) or 'there is nothing to merge'}"
            )
        heads = [head.id for name in modules for head in branches.heads(name)]
        if len(ids) < 2:  # noqa: PLR2004 - a merge takes two
            _refuse(f"There is nothing to merge: {_listed(modules) or 'no module'} has one head, {_listed(heads)}")
        if old := [one for one in ids if one not in heads]:
            _refuse(f"{_listed(old)}: not among the latest revisions of {modules[0]!r}, which are {_listed(heads)}")
        return modules[0], tuple(ids)


def module_of_head(head: str | None, modules: Modules, branches: Branches) -> str | None:
    """The module that `--head` names, as `users@head` or by its latest revision's id; None if it names none.

    Raises:
        CommandError: There is no such module, or what is named is not its latest revision.
    """
    if head is None or head in HEADS:
        return None
    label, _, place = head.partition("@")
    name = label if label in modules else module_of(label)
    if name not in modules:
        _refuse(f"--head {head}: there is no module {label!r}; name one of {', '.join(modules)}")
    heads = [one.id for one in branches.heads(name)]
    named = place or (label if label != name else "head")
    if heads and named not in {*HEADS, *heads}:
        _refuse(
            f"--head {head} is not the latest revision of module {name!r}, which is {_listed(heads)}. A module's "
            f"history is one line: say --head {name}@head"
        )
    return name


def dependencies(typed: str | Collection[str] | None, modules: Modules, branches: Branches) -> list[str]:
    """The ids that `--depends-on` means, since a file may only name ids."""
    ids = []
    for one in to_tuple(typed, default=()):
        label, _, place = one.partition("@")
        if label in modules and (not place or place in HEADS):
            heads = [head.id for head in branches.heads(label)]
            if len(heads) != 1:
                _refuse(
                    two_heads(branches, label) or f"--depends-on {one}: module {label!r} has no revision to depend on"
                )
            ids += heads
        else:
            ids.append(_id_in(branches, place or one))
    return list(dict.fromkeys(ids))


def refuse_options_of_draft(draft: MigrationScript, branches: Branches) -> None:
    """`--autogenerate` writes a file for each module that changed, and knows where: options could only be wrong."""
    options = {
        "--rev-id": None if re.fullmatch("[0-9a-f]{12}", draft.rev_id or "") else draft.rev_id,
        "--branch-label": draft.branch_label,
        "--version-path": draft.version_path,
        "--splice": draft.splice,
    }
    if given := [option for option, value in options.items() if value]:
        _refuse(
            f"{_listed(given)} with --autogenerate: each module that changed gets a file of its own, with an id, a "
            "label and a folder that belong to it: leave it away"
        )
    if faults := [fault for name in branches.modules if (fault := two_heads(branches, name))]:
        _refuse("\n".join(faults))


def _id_in(branches: Branches, typed: str) -> str:
    found = [one for one in branches if one == typed] or [one for one in branches if one.startswith(typed)]
    if len(found) != 1:
        _refuse(
            f"{typed!r} is not a revision: name an id, or <module>@head for its latest (`alembic heads` lists them)"
        )
    return found[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _refuse(reason: str) -> NoReturn:
    raise CommandError(f"{reason.rstrip('.')}. No file was written.")
