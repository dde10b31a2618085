"""Finds faults of the branches that Alembic would overlook, or answer with a traceback."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from shared.assembly.branches import ID_BYTES, MAXIMUM_NAME_LENGTH, Branches, Revision, new_revision_id, revisions_of
from shared.assembly.discovery import Modules
from shared.module import ModuleError

WAY_OUT = (
    "Mend each file as its line says. One that no database has yet can be deleted instead, and written again by "
    "`alembic revision`."
)


def check_branches(modules: Modules) -> None:
    """Check every revision file of every module.

    Raises:
        ModuleError: With every fault, one a line, each with its file and what to do.
    """
    faults = faults_of(modules, [revision for module in modules.values() for revision in revisions_of(module)])
    if faults:
        lines = ["The migration branches are not in order:", *(f"  - {fault}" for fault in faults), WAY_OUT]
        raise ModuleError("\n".join(lines))


def faults_of(modules: Modules, revisions: list[Revision]) -> list[str]:
    """All faults of these revisions, whose files need not be written yet."""
    return [
        *_faults_of_names(modules),
        *_faults_of_ids(revisions),
        *_faults_of_labels(revisions),
        *_faults_of_links({revision.id: revision for revision in revisions}),
        *_faults_of_order(revisions),
    ]


def two_heads(branches: Branches, module: str) -> str | None:
    """Advice on two heads in one module, which `alembic upgrade heads` would hide; None if there is one."""
    heads = sorted(branches.heads(module), key=lambda revision: revision.file.name)
    if len(heads) < 2:  # noqa: PLR2004 - two heads are the subject
        return None
    first, second = heads[0], heads[1]
    return (
        f"module {module!r} has {len(heads)} heads: {', '.join(f'{head.id} ({head.file})' for head in heads)}. "
        f"Make the history one line again: in {second.file}, set down_revision = {first.id!r} and review the order; "
        f"if both are applied somewhere already, run `alembic merge -m 'merge {module}' {module}@heads`"
    )


def is_id_of(module: str, revision_id: str) -> bool:
    return re.fullmatch(rf"{module}_[0-9a-f]{{{2 * ID_BYTES}}}", revision_id) is not None


def _faults_of_names(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        if len(module.name) > MAXIMUM_NAME_LENGTH:
            yield (
                f"{module.path}: rename the module, to {MAXIMUM_NAME_LENGTH} characters at most: its name is part of "
                "each revision id, and the databases keep no longer ones"
            )


def _faults_of_ids(revisions: Iterable[Revision]) -> Iterator[str]:
    files = defaultdict(list)
    for revision in revisions:
        files[revision.id].append(str(revision.file))
        if not is_id_of(revision.module, revision.id):
            yield (
                f"{revision.file}: the id {revision.id!r} must be {revision.module!r}, an underscore and "
                f"{2 * ID_BYTES} hexadecimal digits: write `revision = {new_revision_id(revision.module)!r}`, and the "
                "same wherever another file names it. If the module was renamed, see docs/changing-modules.md"
            )
    for revision_id, places in files.items():
        if len(places) > 1:
            yield f"the id {revision_id!r} is used twice: {' and '.join(places)}; delete the copy, or give it a new id"


def _faults_of_labels(revisions: Iterable[Revision]) -> Iterator[str]:
    bases = defaultdict(list)
    for revision in revisions:
        expected = () if revision.down else (revision.module,)
        if revision.labels != expected:
            yield (
                f"{revision.file}: branch_labels must be {expected or None}: a module's first revision carries the "
                "module's name, and no other one carries a label"
            )
        if not revision.down:
            bases[revision.module].append(str(revision.file))
    for module, places in bases.items():
        if len(places) > 1:
            yield (
                f"module {module!r} begins twice: {' and '.join(places)}; one of them needs a down_revision, the id "
                "of the module's latest revision, and no label"
            )


def _faults_of_links(revisions: dict[str, Revision]) -> Iterator[str]:
    for revision in revisions.values():
        for down in revision.down:
            if down in revisions and revisions[down].module != revision.module:
                yield (
                    f"{revision.file}: down_revision {down!r} is not a revision of module {revision.module!r}: modules "
                    "are never merged. Delete the file: `alembic upgrade heads` takes every module without it"
                )
            elif down not in revisions:
                yield (
                    f"{revision.file}: down_revision {down!r} is not a revision of module {revision.module!r}: put "
                    "that file back, or name the one that this follows (None if it is the first)"
                )
        for dependency in revision.depends_on:
            if dependency not in revisions:
                yield (
                    f"{revision.file}: depends_on {dependency!r} is not a revision; write the id itself, not a label "
                    "(`alembic heads` lists them). If it belonged to a removed module, take it out of depends_on"
                )


def _faults_of_order(revisions: list[Revision]) -> Iterator[str]:
    # Alembic overlooks a circle of two modules as soon as a third one depends on them.
    try:
        TopologicalSorter({revision.id: revision.parents for revision in revisions}).prepare()
    except CycleError as error:
        circle = set(error.args[1])
        files = [str(revision.file) for revision in revisions if revision.id in circle]
        yield (
            f"these revisions wait for each other in a circle ({' -> '.join(error.args[1])}): {' and '.join(files)}; "
            "take an id out of one's depends_on or down_revision"
        )
