"""Packages of modules made for one test, under a name that no other test uses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from shared.assembly.discovery import Modules, discover
from tests.trees import write


class MakeModules(Protocol):
    def __call__(self, files: Mapping[str, str], *, besides: tuple[str, ...] = ()) -> Modules:
        """Write files and discover them as modules, together with those of other packages."""


def declaration(text: str = "") -> str:
    """A `module.py` whose declaration says `text` besides its description."""
    return f"from shared.module import Module, Permission\n\nmodule = Module(description='For a test.', {text})\n"


@pytest.fixture
def make_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeModules:
    """Make modules: `make_modules({"a/module.py": declaration()})`.

    Nothing written may define a table: the tables of all tests share one metadata.
    """

    def make(files: Mapping[str, str], *, besides: tuple[str, ...] = ()) -> Modules:
        package = f"modules_{uuid4().hex}"
        write(tmp_path / package, files)
        monkeypatch.syspath_prepend(tmp_path)
        return discover(*besides, package)

    return make
