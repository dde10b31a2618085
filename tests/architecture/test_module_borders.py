"""Who may import whom: rules over every module that is found."""

from pathlib import Path

import pytest

from shared.assembly.discovery import discover
from shared.project import ROOT
from tests.architecture.module_borders import imports_in, module_violations, product_violations, shared_violations
from tests.trees import write


def test_shared_imports_no_module() -> None:
    assert not shared_violations(ROOT)


@pytest.mark.module_rules
def test_modules_import_only_what_they_require_and_only_its_public_face() -> None:
    assert not module_violations(ROOT, {name: module.requires for name, module in discover().items()})


@pytest.mark.module_rules
def test_the_product_imports_nothing_that_is_there_for_tests() -> None:
    assert not product_violations(ROOT)


def test_the_rules_see_the_imports_that_are_there() -> None:
    shared = {one.module for one in imports_in(ROOT, ROOT / "shared")}
    auth = {(one.module, one.name) for one in imports_in(ROOT, ROOT / "modules" / "auth")}

    assert "shared.errors" in shared
    assert ("modules.users", "UserServiceFactory") in auth


@pytest.mark.parametrize(
    "source",
    [
        "import modules.users",
        "from modules.users import User",
        "from modules import users",
        "def late():\n    from modules.users import User\n",
        "if TYPE_CHECKING:\n    from modules.users import User\n",
        "importlib.import_module('modules.users')",
        "from bootstrap import create_app",
        "from tests.conftest import Account",
    ],
)
def test_shared_that_imports_a_module_is_caught(tmp_path: Path, source: str) -> None:
    write(tmp_path, {"shared/good.py": "import json\nfrom shared.errors import AppError\n", "shared/bad.py": source})

    (fault,) = shared_violations(tmp_path)

    assert "shared/bad.py:" in fault


@pytest.mark.parametrize("place", ["shared/testing/bad.py", "modules/orders/testing.py", "modules/orders/tests/bad.py"])
@pytest.mark.parametrize("source", ["from modules.users.models import User", "from tests.conftest import sign_up"])
def test_what_is_there_for_tests_keeps_to_the_borders(tree: Path, place: str, source: str) -> None:
    write(tree, {"shared/testing/good.py": "from bootstrap import create_app\nimport shared.errors\n", place: source})

    (fault,) = shared_violations(tree) + module_violations(tree, REQUIRES)

    assert f"{place}:1:" in fault


FOR_TESTS = [
    "import shared.testing.mailbox",
    "from shared import testing",
    "from shared.testing import Account",
    "from modules.orders.testing import new_order",
    "from modules.orders import tests",
    "from modules.orders.tests.test_routes import order",
]


@pytest.mark.parametrize("source", FOR_TESTS)
@pytest.mark.parametrize("place", ["bootstrap.py", "migrations/bad.py", "modules/orders/bad.py", "shared/bad.py"])
def test_a_product_that_imports_what_is_there_for_tests_is_caught(tmp_path: Path, place: str, source: str) -> None:
    good = {"shared/testing/a.py": source, "modules/orders/testing.py": source, "modules/orders/tests/a.py": source}
    write(tmp_path, good)
    assert not product_violations(tmp_path)
    write(tmp_path, {place: source})

    (fault,) = product_violations(tmp_path)

    assert f"{place}:1:" in fault


PUBLIC = '"""The face."""\nfrom modules.{0}.models import Thing\n\n__all__ = ["Thing"]\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three modules in good order: `orders` requires `users`, and nobody requires `bills`."""
    models = {f"modules/{name}/models.py": "class Thing: ...\n" for name in ("users", "orders", "bills")}
    faces = {f"modules/{name}/__init__.py": PUBLIC.format(name) for name in ("users", "orders", "bills")}
    good = (
        "import json\nfrom . import models\nfrom modules import orders\nfrom modules.users import Thing\n"
        "import modules.orders.models\nfrom modules.orders.models import Thing as Own\nfrom shared.errors import X\n"
    )
    write(tmp_path, models | faces | {"modules/__init__.py": "", "modules/orders/good.py": good})
    return tmp_path


REQUIRES = {"users": (), "orders": ("users",), "bills": ()}


def test_a_tree_in_good_order_has_no_violation(tree: Path) -> None:
    assert not module_violations(tree, REQUIRES)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("from modules.bills import Thing", "does not require 'bills'"),
        ("import modules.bills", "does not require 'bills'"),
        ("from modules.unknown import Thing", "does not require 'unknown'"),
        ("import modules", "does not require ''"),
        ("from modules import *", "does not require '*'"),
        ("from modules.users.models import Thing", "only the names in __all__"),
        ("from modules.users import models", "only the names in __all__"),
        ("from modules.users import *", "only the names in __all__"),
        ("import modules.users", "only the names in __all__"),
        ("import modules.users.models as m", "only the names in __all__"),
        ("from modules import users", "only the names in __all__"),
        ("from ..users import models", "only the names in __all__"),
        ("from ..users.models import Thing", "only the names in __all__"),
        ("from .. import bills", "does not require 'bills'"),
        ("def late():\n    from modules.bills import Thing\n", "does not require 'bills'"),
        ("if TYPE_CHECKING:\n    from modules.bills import Thing\n", "does not require 'bills'"),
        ("importlib.import_module('modules.users.models')", "only the names in __all__"),
        ("import bootstrap", "what sees everything"),
        ("from tests.conftest import Account", "what sees everything"),
    ],
)
def test_an_import_across_a_border_is_caught(tree: Path, source: str, reason: str) -> None:
    write(tree, {"modules/orders/bad.py": source})

    (fault,) = module_violations(tree, REQUIRES)

    assert "modules/orders/bad.py:" in fault
    assert reason in fault


def test_an_import_against_the_arrow_is_caught(tree: Path) -> None:
    write(tree, {"modules/users/bad.py": "from modules.orders import Thing"})

    (fault,) = module_violations(tree, REQUIRES)

    assert "does not require 'orders'" in fault


def test_all_violations_are_reported_at_once(tree: Path) -> None:
    bad = "import modules.bills\nfrom modules.users.models import Thing\n"
    write(tree, {"modules/orders/one.py": bad, "modules/orders/services/two.py": bad})

    assert len(module_violations(tree, REQUIRES)) == 4
