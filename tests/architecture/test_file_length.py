"""No file over 300 lines."""

from pathlib import Path

import pytest

from shared.project import ROOT
from tests.architecture.module_borders import files_in, long_files

PLACES = [ROOT / name for name in ("bootstrap.py", "modules", "shared", "migrations", "tests")]


@pytest.mark.module_rules
def test_no_file_is_longer_than_300_lines() -> None:
    assert all(files_in(place) for place in PLACES)
    assert not long_files(*PLACES)


def test_a_file_that_is_too_long_is_caught(tmp_path: Path) -> None:
    (tmp_path / "fits.py").write_text("x = 1\n" * 300, encoding="utf-8")
    (tmp_path / "bulges.py").write_text("x = 1\n" * 301, encoding="utf-8")

    (fault,) = long_files(tmp_path)

    assert "bulges.py has 301 lines" in fault
