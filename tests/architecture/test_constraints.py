"""No module takes every broken constraint for the one that it thought of; and those that it names exist."""

import ast
from pathlib import Path

import pytest

from shared.assembly.discovery import discover
from shared.database import Base
from shared.project import ROOT
from tests.architecture.module_borders import blind_handlers, files_in
from tests.trees import write


@pytest.mark.module_rules
def test_who_catches_a_broken_constraint_asks_which(tmp_path: Path) -> None:
    assert blind_handlers(ROOT / "modules", ROOT / "shared") == []

    write(
        tmp_path,
        {
            "blind.py": "try:\n    flush()\nexcept (KeyError, exc.IntegrityError):\n    raise Taken from None\n",
            "seeing.py": "try:\n    flush()\nexcept IntegrityError as error:\n    print(constraint_of(error))\n",
        },
    )
    (violation,) = blind_handlers(tmp_path)
    assert violation.startswith(f"{tmp_path / 'blind.py'}:3: tell the constraints apart")


@pytest.mark.module_rules
def test_every_constraint_that_is_named_exists() -> None:
    discover().import_models()
    tables = Base.metadata.tables.values()
    known = {str(one.name) for table in tables for one in table.constraints}
    named = {
        key.value
        for file in files_in(ROOT / "modules")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "failing_as"
        for key in ast.walk(node.args[0])
        if isinstance(key, ast.Constant)
    }

    assert named
    assert named <= known
