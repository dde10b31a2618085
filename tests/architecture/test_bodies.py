"""A body is made of bodies: another model within it would take what no database stores."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from shared.assembly.discovery import discover
from shared.http import RequestBody


def bodies(base: type[BaseModel] = RequestBody) -> Iterator[type[BaseModel]]:
    for body in base.__subclasses__():
        yield body
        yield from bodies(body)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def loose_models(among: Iterator[type[BaseModel]]) -> list[str]:
    return [
        f"{body.__qualname__}.{name}: {model.__qualname__} must be a RequestBody"
        for body in among
        for name, field in body.model_fields.items()
        for model in models_in(field.annotation)
        if not issubclass(model, RequestBody)
    ]


@pytest.mark.module_rules
def test_what_stands_in_a_body_is_a_body() -> None:
    modules = discover().values()
    for module in modules:
        module.part("router")
    packages = tuple(f"{module.package}." for module in modules)
    found = [body for body in bodies() if body.__module__.startswith(packages)]

    assert len(found) > 5
    assert loose_models(iter(found)) == []


def test_another_model_within_a_body_is_found() -> None:
    class Loose(BaseModel):
        number: int

    class Body(RequestBody):
        lines: list[Loose | None] | None = None

    (violation,) = loose_models(iter([Body]))
    assert violation.endswith("Loose must be a RequestBody")
