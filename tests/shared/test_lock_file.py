import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shared.assembly.discovery import discover
from shared.assembly.packages import COMMAND, lock_faults

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def locked_versions() -> dict[str, str]:
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)
    }


def test_item_88_every_dependency_is_locked_within_its_bounds() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locked = locked_versions()

    requirements = [
        Requirement(one) for one in (*content["project"]["dependencies"], *content["dependency-groups"]["modules"])
    ]
    assert requirements
    outside = [
        str(one) for one in requirements if not one.specifier.contains(locked.get(canonicalize_name(one.name), "0"))
    ]
    assert outside == []
    unbounded = [str(one) for one in requirements if not any(part.operator == "<" for part in one.specifier)]
    assert unbounded == []


@pytest.mark.module_rules
def test_item_88_what_modules_ask_for_is_locked() -> None:
    assert lock_faults(discover().folders) == [], f"run: {COMMAND}"


def test_item_88_every_locked_package_is_hashed_and_names_no_address() -> None:
    entries = re.split(r"\n(?=[\w.-]+==)", LOCK)[1:]

    # A package may be there in two versions, each for some Pythons.
    assert len(entries) >= len(locked_versions()) > 0
    assert [entry.split(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in LOCK
    assert "index-url" not in LOCK
