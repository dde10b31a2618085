"""Reads foreign keys from the revision files: which tables have ever referred to a table, and until when."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter

from shared.assembly.branches import Branches, Revision

# The parameters of `op.create_foreign_key` and `batch_op.create_foreign_key`, in order.
PLAIN = ("constraint_name", "source_table", "referent_table", "local_cols", "remote_cols")
IN_BATCH = tuple(name for name in PLAIN if name != "source_table")
PARTS = ("source_table", "referent_table", "remote_cols")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key that some revision makes, maybe only in its downgrade."""

    source: str
    target: str
    columns: frozenset[str]


def sources(branches: Branches, module: str, target: str, columns: frozenset[str] = frozenset()) -> set[str]:
    """The module's tables that have, or once had, a foreign key to these columns of the table (none: to any)."""
    return {
        key.source
        for revision in branches.of(module)
        for key in _foreign_keys(_tree(revision), "")
        if key.target == target and columns <= key.columns
    }


def last_touching(branches: Branches, module: str, tables: Iterable[str]) -> Revision | None:
    """The module's latest revision that names one of the tables; no later one can have dropped a key of theirs."""
    own, names, last = {one.id: one for one in branches.of(module)}, set(tables), None
    for revision_id in TopologicalSorter({one.id: one.down for one in own.values()}).static_order():
        if touches(own[revision_id], names):
            last = own[revision_id]
            renames = [_texts(call)[:2] for call in ast.walk(_tree(last)) if _name_of(call) == "rename_table"]
            names |= {new for old, new in renames if old in names}
    return last


def touches(revision: Revision, tables: Iterable[str]) -> bool:
    """True if the file names one of the tables."""
    return not {word for text in _texts(_tree(revision)) for word in re.findall(r"\w+", text)}.isdisjoint(tables)


def _foreign_keys(node: ast.AST, table: str) -> Iterator[ForeignKey]:
    """The foreign keys below the node; `table` is the table of the statement around it."""
    if isinstance(node, ast.With):
        batches = [one.context_expr for one in node.items if _name_of(one.context_expr) == "batch_alter_table"]
        table = next((text for batch in batches for text in _texts(batch)), table)
    if isinstance(node, ast.Call):
        name = _name_of(node)
        if name in {"create_table", "add_column"} and isinstance(node.args[0], ast.Constant):
            table = str(node.args[0].value)
        elif name in {"ForeignKey", "ForeignKeyConstraint"}:
            targets = [one.rpartition(".") for one in _texts(node) if re.fullmatch(r"\w+\.\w+", one)]
            for referred in {one[0] for one in targets}:
                yield ForeignKey(table, referred, frozenset(column for _, _, column in targets))
        elif name == "create_foreign_key":
            given = dict(zip(PLAIN if not table else IN_BATCH, node.args, strict=False))
            given |= {one.arg: one.value for one in node.keywords if one.arg}
            source, target, remote = (_texts(given[one]) if one in given else [] for one in PARTS)
            yield ForeignKey("".join(source) or table, "".join(target), frozenset(remote))
    for child in ast.iter_child_nodes(node):
        yield from _foreign_keys(child, table)


def _tree(revision: Revision) -> ast.Module:
    return ast.parse(revision.file.read_text(encoding="utf-8"))


def _name_of(node: ast.AST) -> str:
    """`create_table` of `op.create_table(...)`."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _texts(node: ast.AST) -> list[str]:
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
