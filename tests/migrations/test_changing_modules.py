"""A module that is renamed, split or merged keeps its rows, as docs/changing-modules.md has it."""

import re
import shutil
import textwrap
from pathlib import Path

import pytest

from shared.assembly.branches import read_branches
from shared.testing.databases import execute
from tests.migrations.commands import Checkout
from tests.migrations.written import TEXT, cut_class, edit, model, modules_in, write_module
from tests.project import ROOT

CODE = "code: Mapped[str] = mapped_column(String(9), unique=True)"
CAT = 'cat_id: Mapped[UUID | None] = mapped_column(ForeignKey("cat.id"))'
DRAFT = ("revision", "--autogenerate", "-m", "change")


@pytest.fixture
def project(project: Checkout) -> Checkout:
    """The modules `cat`, with two tables, and `shop`, which builds on it, with a row in `prices`."""
    write_module(project, "cat", model("cat", TEXT), model("prices", CODE))
    write_module(project, "shop", model("shop", CAT), requires=("cat",))
    project.alembic("upgrade", "heads")
    project.alembic(*DRAFT)
    project.alembic("upgrade", "heads")
    execute(project.database, "INSERT INTO prices (id, code) VALUES ('00000000000000000000000000000001', 'kept')")
    return project


def codes(project: Checkout, table: str) -> list[object]:
    return [row[0] for row in execute(project.database, f"SELECT code FROM {table}")]


def give_new_ids(project: Checkout, old: str, new: str) -> None:
    for file in (project.path / "modules").glob("*/migrations/*.py"):
        text = re.sub(rf"\b{old}_([0-9a-f]{{8}})\b", rf"{new}_\1", file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8")


def stamp(project: Checkout, old: str) -> str:
    for command in (["upgrade", "heads"], ["stamp", "heads"]):
        refusal = project.refusal(*command)
        assert f"revisions of '{old}' that are not in the code" in refusal
        assert "docs/changing-modules.md has it: `alembic stamp --purge heads`" in refusal
    told = project.alembic("stamp", "--purge", "heads").stdout
    project.alembic("check")
    assert "Running" not in project.alembic("upgrade", "heads").stdout
    return told


def split(project: Checkout) -> Path:
    """Move the model of `prices` into a module of its own, under a new name."""
    moved = cut_class(project.path / "modules/cat/models.py", "Prices")
    folder = write_module(project, "pricing")
    (folder / "models.py").write_text(moved.replace('"prices"', '"pricing_prices"'), encoding="utf-8")
    return folder


def take_over(project: Checkout, folder: Path) -> Path:
    project.alembic("revision", "--head", "pricing@head", "--depends-on", "cat@head", "-m", "take over prices")
    (file,) = (folder / "migrations").glob("*_take_over_prices.py")
    there, back = 'op.rename_table("prices", "pricing_prices")', 'op.rename_table("pricing_prices", "prices")'
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("    pass", f"    {there}", 1).replace("    pass", f"    {back}", 1), encoding="utf-8")
    project.alembic("upgrade", "heads")
    return file


def test_a_renamed_module(project: Checkout) -> None:
    for old, new in (("cat", "catalogue"), ("shop", "store")):
        shutil.move(project.path / "modules" / old, project.path / "modules" / new)
        give_new_ids(project, old, new)
        for file in (project.path / "modules" / new / "migrations").glob("*.py"):
            edit(file, f'branch_labels = ("{old}",)', f'branch_labels = ("{new}",)')
    edit(project.path / "modules/store/module.py", "'cat'", "'catalogue'")

    told = stamp(project, "shop")  # no row names `cat`, on which `shop` depends

    assert "Now marked as applied: catalogue (1 revision), store (1 revision)" in told
    assert "No longer marked: shop (1 revision)" in told
    assert codes(project, "prices") == ["kept"]
    project.alembic("downgrade", "catalogue@base")
    project.alembic("upgrade", "heads")


def test_the_permissions_of_a_renamed_module_are_kept_in_the_roles(project: Checkout) -> None:
    execute(
        project.database,
        "INSERT INTO auth_roles (name, description, is_builtin) VALUES ('keeper', '', false)",
        "INSERT INTO auth_role_permissions (role_name, permission) VALUES ('keeper', 'cat:prices.read'), "
        "('keeper', 'users:user.read')",
    )
    project.alembic("revision", "--head", "auth@head", "-m", "copy permissions of cat")
    (file,) = (project.path / "modules/auth/migrations").glob("*_copy_permissions_of_cat.py")
    guide = (ROOT / "docs/changing-modules.md").read_text(encoding="utf-8")
    copy = guide.partition("```python\n")[2].partition("   ```")[0]
    text = file.read_text(encoding="utf-8").replace("    pass\n", textwrap.indent(textwrap.dedent(copy), "    "), 1)
    undo = """op.execute("DELETE FROM auth_role_permissions WHERE permission LIKE 'catalogue:%'")"""
    file.write_text(text.replace("    pass\n", f"    {undo}\n", 1), encoding="utf-8")

    project.alembic("upgrade", "heads")
    assert permissions(project) == ["cat:prices.read", "catalogue:prices.read", "users:user.read"]
    project.alembic("downgrade", "auth@-1")
    assert permissions(project) == ["cat:prices.read", "users:user.read"]


def permissions(project: Checkout) -> list[str]:
    query = "SELECT permission FROM auth_role_permissions WHERE role_name = 'keeper'"
    return sorted(str(row[0]) for row in execute(project.database, query))


def test_a_split_module(project: Checkout) -> None:
    folder = split(project)
    for refusal in [project.refusal(*DRAFT)]:
        assert "This would drop the table 'prices' of module 'cat' with its rows" in refusal
        assert "--depends-on cat@head" in refusal
        assert "op.rename_table('prices', 'pricing_prices')" in refusal

    take_over(project, folder)
    assert codes(project, "pricing_prices") == ["kept"]
    project.alembic(*DRAFT)  # the unique key gets its new name
    project.alembic("upgrade", "heads")
    project.alembic("check")
    project.alembic("downgrade", "pricing@base")
    assert codes(project, "prices") == ["kept"]
    project.alembic("downgrade", "base")
    project.alembic("upgrade", "pricing@head")
    project.alembic("upgrade", "heads")


def test_a_merged_module(project: Checkout) -> None:
    folder = split(project)
    file = take_over(project, folder)
    edit(folder / "models.py", CODE, "code: Mapped[str] = mapped_column(String(9))")
    edit(folder / "models.py", "class Prices", "from sqlalchemy import UniqueConstraint\n\n\nclass Prices")
    edit(
        folder / "models.py",
        '__tablename__ = "pricing_prices"',
        '__tablename__ = "pricing_prices"\n    __table_args__ = (UniqueConstraint("code", name="uq_prices_code"),)',
    )
    project.alembic("check")
    (cat,) = read_branches(modules_in(project)).heads("cat")

    merged = Path(shutil.move(file, project.path / "modules/cat/migrations"))
    give_new_ids(project, "pricing", "cat")
    for name, value in {"down_revision": repr(cat.id), "branch_labels": "None", "depends_on": "None"}.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", merged.read_text(encoding="utf-8"), flags=re.MULTILINE)
        merged.write_text(text, encoding="utf-8")
    _, _, moved = (folder / "models.py").read_text(encoding="utf-8").partition("\nfrom sqlalchemy import Unique")
    with (project.path / "modules/cat/models.py").open("a", encoding="utf-8") as models:
        models.write(f"\n\nfrom sqlalchemy import Unique{moved}")
    shutil.rmtree(folder)

    assert "Now marked as applied: cat (1 revision)" in stamp(project, "pricing")
    assert codes(project, "pricing_prices") == ["kept"]
    project.alembic("downgrade", "base")
    project.alembic("upgrade", "heads")


def test_a_table_that_moved_under_its_old_name_is_told_by_every_command_that_looks(sqlite_project: Checkout) -> None:
    project = sqlite_project
    project.alembic("upgrade", "heads")
    moved = cut_class(project.path / "modules/auth/models.py", "UserRole")
    (project.path / "modules/auth/__init__.py").write_text("", encoding="utf-8")
    folder = write_module(project, "roles", requires=("auth", "users"))
    (folder / "models.py").write_text(moved, encoding="utf-8")

    for command in (["check"], [*DRAFT]):
        refusal = project.refusal(*command)
        assert "'auth_user_roles' was made by module 'auth', and its model now stands in module 'roles'" in refusal
        assert "op.rename_table('auth_user_roles', 'roles_auth_user_roles')" in refusal
