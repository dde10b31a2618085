"""Modules use of `shared/` what its packages hand on, and no two files import one another."""

from pathlib import Path

import pytest

from shared.project import ROOT
from tests.architecture.shared_borders import circles, violations_of_public_faces
from tests.trees import write


@pytest.mark.module_rules
def test_modules_import_of_the_packages_of_shared_only_what_these_hand_on() -> None:
    assert not violations_of_public_faces(ROOT)


@pytest.mark.module_rules
@pytest.mark.parametrize("place", ["bootstrap.py", "shared", "modules", "migrations"])
def test_no_files_import_one_another(place: str) -> None:
    assert not circles(ROOT, ROOT / place)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "shared/__init__.py": "",
        "shared/clock.py": "def utc_now(): ...\n",
        "shared/http/__init__.py": 'from shared.http.envelope import success\n\n__all__ = ["success"]\n',
        "shared/http/envelope.py": "from shared.clock import utc_now\n\ndef success(): ...\n",
        "shared/assembly/__init__.py": "",
        "shared/assembly/discovery.py": "from shared.http.envelope import success\n",
        "modules/notes/router.py": "from shared.http import success\nfrom shared.clock import utc_now\n",
    }
    write(tmp_path, files)
    return tmp_path


def test_a_tree_in_good_order_has_no_violation(tree: Path) -> None:
    assert not violations_of_public_faces(tree)
    assert not circles(tree, tree)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("from shared.http.envelope import success", "only by the names in its __all__: success"),
        ("import shared.http.envelope", "only by the names in its __all__"),
        ("from shared.http import envelope", "only by the names in its __all__"),
        ("from shared.http import *", "only by the names in its __all__"),
        ("import shared.http", "only by the names in its __all__"),
        ("from shared import http", "only by the names in its __all__"),
        ("from shared import *", "say which part"),
        ("import shared", "say which part"),
        ("from shared.assembly.discovery import discover", "there are none"),
        ("from shared.assembly import discovery", "there are none"),
        ("def late():\n    from shared.assembly.discovery import discover\n", "there are none"),
        ("importlib.import_module('shared.assembly.discovery')", "there are none"),
    ],
)
def test_an_import_past_a_door_is_caught(tree: Path, source: str, reason: str) -> None:
    write(tree, {"modules/notes/bad.py": source})

    (fault,) = violations_of_public_faces(tree)

    assert "modules/notes/bad.py:" in fault
    assert reason in fault


@pytest.mark.parametrize(
    "source",
    [
        "from shared.http.envelope import success\n",
        "from shared.http import success\n",
        "import shared.http.envelope\n",
        "def late():\n    from shared.http import envelope\n",
        "if TYPE_CHECKING:\n    from shared.http.envelope import success\n",
        "from .http.envelope import success\n",
    ],
)
def test_a_circle_is_caught(tree: Path, source: str) -> None:
    write(tree, {"shared/clock.py": source})

    faults = circles(tree, tree)

    assert faults
    assert all("shared.clock" in one and " imports " in one for one in faults)


def test_every_circle_is_reported(tree: Path) -> None:
    write(
        tree,
        {
            "modules/notes/one.py": "from modules.notes.two import x\n",
            "modules/notes/two.py": "from modules.notes import one\n",
            "modules/bills/one.py": "import modules.bills.one.two\nfrom modules.bills.two import x\n",
            "modules/bills/two.py": "from modules.bills.one import x\n",
        },
    )

    assert sorted(circles(tree, tree)) == [
        "modules.bills.one imports modules.bills.two imports modules.bills.one",
        "modules.notes.one imports modules.notes.two imports modules.notes.one",
    ]
