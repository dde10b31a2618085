"""How a draft writes column types."""

from typing import Any, Literal

from sqlalchemy.types import TypeDecorator


def render_item(type_: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Write our own column types as the SQLAlchemy types they are made of: a migration imports nothing of ours."""
    if type_ == "type" and isinstance(item, TypeDecorator):
        from alembic.autogenerate.render import _repr_type  # noqa: PLC0415 - only here, and Alembic has no public name for it

        return _repr_type(item.impl_instance, autogen_context)
    return False
