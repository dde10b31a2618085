"""The OpenAPI document as a file, for generators of clients, and its comparison with the committed one."""

import json
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

from shared.project import ROOT

KEPT = ROOT / "docs" / "openapi.json"
COMMAND = "uv run manage openapi --output docs/openapi.json"
MOST_LINES = 40


def text_of(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def differences(text: str, kept: Path = KEPT) -> Iterator[str]:
    """The first lines in which the committed document differs from `text`."""
    before = kept.read_text(encoding="utf-8") if kept.exists() else ""
    lines = list(
        unified_diff(before.splitlines(), text.splitlines(), "docs/openapi.json", "this code", n=1, lineterm="")
    )
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"... and {len(lines) - MOST_LINES} lines more"
