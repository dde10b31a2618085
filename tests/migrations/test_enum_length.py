"""An enumeration whose members are longer than usual: its column is as long as the longest of them."""

import pytest

from shared.testing import databases
from tests.migrations.commands import Checkout
from tests.migrations.everywhere import on_all, shapes
from tests.migrations.written import write_module

MODEL = """import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, Id


class Thing(Base):
    __tablename__ = "things"

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(sa.Enum({members}, name="kind"))
"""


def model(*lengths: int) -> str:
    return MODEL.format(
        members=", ".join(repr(letter * length) for letter, length in zip("xyz", lengths, strict=False))
    )


@pytest.mark.parametrize("drafted_on", databases.available())
@pytest.mark.parametrize("longest", [3, 60])
def test_a_longer_member_makes_the_column_longer(
    everywhere: dict[str, Checkout], drafted_on: str, longest: int
) -> None:
    project = everywhere[drafted_on]
    models = write_module(project, "shop") / "models.py"
    on_all(everywhere, "upgrade users@head", "upgrade auth@head")
    models.write_text(model(longest, 1), encoding="utf-8")
    project.alembic("revision", "--autogenerate", "-m", "one")
    on_all(everywhere, "upgrade heads", "check", "downgrade shop@base", "upgrade heads", "check")
    before = shapes(everywhere)

    models.write_text(model(longest, 1, 70), encoding="utf-8")
    project.alembic("revision", "--autogenerate", "-m", "two")
    on_all(everywhere, "upgrade heads", "check")
    after = shapes(everywhere)

    assert sum("length=70" in line for line in after) == len(everywhere)
    on_all(everywhere, "downgrade shop@-1")
    assert shapes(everywhere) == before
    on_all(everywhere, "upgrade heads", "check")
    assert shapes(everywhere) == after
