"""What bodies of requests are made of: rules over all routes of an application."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from shared.access.table import AccessTable
from shared.http import LEFT_OUT, PatchBody


def patch_bodies(table: AccessTable) -> dict[str, list[type[BaseModel]]]:
    """The models that the body of each PATCH is made of, by the operation; the body itself comes first."""
    return {
        f"PATCH {rule.path}": list(_models_in(field.field_info.annotation))
        for rule in table.routes
        if "PATCH" in rule.methods and (field := getattr(rule.context, "body_field", None))
    }


def patch_violations(table: AccessTable) -> list[str]:
    """What is left out of a PATCH stays as it is: no default may stand in for it, at any depth."""
    return [fault for where, models in patch_bodies(table).items() for fault in _faults(where, models)]


def _faults(where: str, models: list[type[BaseModel]]) -> Iterator[str]:
    if not models or not issubclass(models[0], PatchBody):
        yield f"{where}: the body must be derived from PatchBody"
    for model in models:
        for name, field in model.model_fields.items():
            if not field.is_required() and field.default_factory is not LEFT_OUT.default_factory:
                yield f"{where}: {model.__name__}.{name} has a default"


def _models_in(annotation: Any, seen: frozenset[type] = frozenset()) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models_in(field.annotation, seen | {annotation})
    for argument in get_args(annotation):
        yield from _models_in(argument, seen)
