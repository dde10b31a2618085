"""docs/request-flow.md shows the layers in the order that they have."""

import inspect
import re
from pathlib import Path

from shared.assembly.discovery import discover
from shared.assembly.layers import layers
from tests.conftest import settings_for
from tests.project import ROOT

LAYER = re.compile(r"^ +\| `(shared/[\w/]+\.py)` \|", re.MULTILINE)


def test_the_page_has_the_layers_in_their_order() -> None:
    page = (ROOT / "docs" / "request-flow.md").read_text(encoding="utf-8")
    layered = layers(settings_for("sqlite:///unused.db"), discover())

    files = [Path(inspect.getfile(layer.cls)).relative_to(ROOT).as_posix() for layer in layered]

    assert LAYER.findall(page) == files
