"""Every JSON body that a route takes is a `RequestBody`: what those refuse, and how early, holds for all modules."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from fastapi import APIRouter, Body, FastAPI, params
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from bootstrap import create_app
from shared.http import RequestBody
from tests.conftest import module_settings, settings_for


class Good(RequestBody):
    number: int


class Plain(BaseModel):
    number: int


def foreign_bodies(app: FastAPI) -> list[str]:
    """The routes with a JSON body that is, or may be, something else."""
    return [
        f"{context.path}: {field.name} must be a RequestBody"
        for context, field in json_bodies(app)
        if not is_request_body(field.field_info.annotation)
    ]


def json_bodies(app: FastAPI) -> Iterator[tuple[Any, Any]]:
    """Each with its route."""
    for context in iter_route_contexts(app.routes):
        for field in getattr(getattr(context, "dependant", None), "body_params", ()):
            if not isinstance(field.field_info, params.Form):
                yield context, field


def is_request_body(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return is_request_body(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return all(is_request_body(one) for one in get_args(annotation) if one is not NoneType)
    return isinstance(annotation, type) and issubclass(annotation, RequestBody)


@pytest.mark.module_rules
def test_every_body_of_every_module_is_a_request_body() -> None:
    app = create_app(settings_for("sqlite://"), module_settings=module_settings())

    assert foreign_bodies(app) == []
    assert len(list(json_bodies(app))) > 10


@pytest.mark.parametrize(
    ("annotation", "is_fine"),
    [
        (Good, True),
        (Good | None, True),
        (Annotated[Good, Body(embed=True)], True),
        (Plain, False),
        (list[Good], False),
        (dict[str, int], False),
        (Good | Plain, False),
        (Annotated[int, Body()], False),
        (Annotated[Any, Body()], False),
    ],
)
def test_any_other_body_is_found(annotation: Any, is_fine: bool) -> None:
    async def take(data: Any) -> None:
        pass

    take.__annotations__["data"] = annotation
    inner, app = APIRouter(), FastAPI()
    inner.add_api_route("/things", take, methods=["POST"])
    outer = APIRouter()
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")

    assert foreign_bodies(app) == ([] if is_fine else ["/api/things: data must be a RequestBody"])
