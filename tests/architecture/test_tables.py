"""Whose a table is, and where its foreign keys may lead."""

from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from bootstrap import create_app
from shared.assembly.branches import read_branches
from shared.assembly.discovery import Modules, discover
from shared.database import Base
from shared.project import ROOT
from tests.architecture.module_borders import (
    declared_tables,
    foreign_key_violations,
    foreign_migrations,
    misplaced_tables,
    unowned_tables,
)
from tests.conftest import module_settings, settings_for
from tests.trees import write


@pytest.fixture(scope="module")
def modules() -> Modules:
    """All modules, with everything imported that the application imports."""
    everything = discover()
    create_app(settings_for("sqlite://"), module_settings=module_settings(), modules=everything)
    return everything


@pytest.fixture(scope="module")
def owners(modules: Modules) -> dict[str, str]:
    """Which module owns which table."""
    return modules.import_models()


@pytest.mark.module_rules
def test_foreign_keys_cross_modules_only_along_requires(modules: Modules, owners: dict[str, str]) -> None:
    crossing = [key for table in Base.metadata.tables.values() for key in table.foreign_keys]

    assert crossing, "there are foreign keys to look at"
    assert not foreign_key_violations(
        Base.metadata, owners, {name: module.requires for name, module in modules.items()}
    )


@pytest.mark.module_rules
def test_every_table_belongs_to_the_module_in_whose_folder_its_model_stands(owners: dict[str, str]) -> None:
    stands_in = {table: file.relative_to(ROOT / "modules").parts[0] for file, _, table in declared_tables(ROOT)}

    assert not misplaced_tables(ROOT)
    assert not unowned_tables(Base.metadata, owners)
    assert stands_in == owners


@pytest.mark.module_rules
def test_every_table_is_created_by_its_own_modules_migrations(modules: Modules, owners: dict[str, str]) -> None:
    assert not foreign_migrations(read_branches(modules).created_tables(), owners)


def three_tables() -> MetaData:
    """`orders` refers to `users`, and `users` to `bills`."""
    metadata = MetaData()
    Table("bills", metadata, Column("id", Integer, primary_key=True))
    Table("users", metadata, Column("id", Integer, primary_key=True), Column("bill", ForeignKey("bills.id")))
    Table("orders", metadata, Column("user", ForeignKey("users.id"), primary_key=True))
    return metadata


OWNERS = {"users": "users", "orders": "orders", "bills": "bills"}


def test_a_foreign_key_to_a_module_that_is_not_required_is_caught() -> None:
    (fault,) = foreign_key_violations(three_tables(), OWNERS, {"bills": (), "users": (), "orders": ("users",)})

    assert fault == "users.bill -> bills.id: module 'users' does not require 'bills'"


def test_a_foreign_key_against_the_arrow_is_caught() -> None:
    against = {"bills": ("users",), "users": ("orders",), "orders": ()}

    assert len(foreign_key_violations(three_tables(), OWNERS, against)) == 2


def test_a_foreign_key_to_an_unknown_table_is_caught() -> None:
    metadata = MetaData()
    Table("orders", metadata, Column("user", ForeignKey("gone.id"), primary_key=True))

    (fault,) = foreign_key_violations(metadata, OWNERS, {"orders": ()})

    assert "orders.user -> gone.id" in fault


def test_foreign_keys_along_requires_and_within_a_module_are_no_violation() -> None:
    requires = {"bills": (), "users": ("bills",), "orders": ("users",)}

    assert not foreign_key_violations(three_tables(), OWNERS, requires)
    assert not foreign_key_violations(three_tables(), dict.fromkeys(OWNERS, "one"), {"one": ()})


MODEL = 'class Thing(Base):\n    __tablename__ = "things"\n'


@pytest.mark.parametrize("place", ["shared/things.py", "modules/things/services.py", "modules/things/sub/models.py"])
@pytest.mark.parametrize("source", [MODEL, 'things = Table("things", Base.metadata)\n', 'sa.Table("things", m)\n'])
def test_a_table_outside_of_a_modules_models_is_caught(tmp_path: Path, place: str, source: str) -> None:
    write(tmp_path, {place: source})

    (fault,) = misplaced_tables(tmp_path)

    assert f"{place}:" in fault
    assert "'things'" in fault


@pytest.mark.parametrize("place", ["modules/things/models.py", "modules/things/models/active.py"])
def test_a_table_in_a_modules_models_is_no_violation(tmp_path: Path, place: str) -> None:
    write(tmp_path, {place: MODEL})

    assert not misplaced_tables(tmp_path)
    assert [table for _, _, table in declared_tables(tmp_path)] == ["things"]


def test_a_table_without_an_owner_is_caught() -> None:
    assert unowned_tables(three_tables(), {"users": "users", "orders": "orders"}) == [
        "the table 'bills' belongs to no module"
    ]


def test_a_table_created_by_another_modules_migrations_is_caught() -> None:
    (fault,) = foreign_migrations({"users": "users", "orders": "users", "bills": "bills"}, OWNERS)

    assert fault == "the table 'orders' is of module 'orders', and created by the migrations of 'users'"
