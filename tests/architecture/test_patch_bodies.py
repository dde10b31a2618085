"""A PATCH changes what is sent and nothing else: no body of one has a default, which clients would send."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, FastAPI

from bootstrap import create_app
from shared.access import Public
from shared.access.table import AccessTable
from shared.http import LEFT_OUT, PatchBody, RequestBody
from tests.architecture.bodies import patch_bodies, patch_violations
from tests.conftest import module_settings, settings_for


class Colours(RequestBody):
    front: str
    back: str = "white"


class WithoutBase(RequestBody):
    title: str


class Nested(PatchBody):
    colours: list[Colours] | None = LEFT_OUT


class Whole(PatchBody):
    title: str = LEFT_OUT
    inner: "Whole | None" = LEFT_OUT


def table_of(body: Any) -> AccessTable:
    async def change_note(data: body) -> None: ...

    app, router = FastAPI(openapi_url=None), APIRouter(dependencies=[Public("a test")])
    router.add_api_route("/note", change_note, methods=["PATCH"])
    app.include_router(router, prefix="/inner")
    return AccessTable(app.routes)


@pytest.mark.module_rules
def test_no_body_of_a_patch_has_a_default() -> None:
    table = create_app(settings_for("sqlite://"), module_settings=module_settings()).state.access

    assert len(patch_bodies(table)) > 2
    assert not patch_violations(table)


def test_a_default_in_the_body_of_a_patch_is_caught_however_deep() -> None:
    assert patch_violations(table_of(Nested)) == ["PATCH /inner/note: Colours.back has a default"]
    assert patch_violations(table_of(Nested | None)) == ["PATCH /inner/note: Colours.back has a default"]
    assert patch_violations(table_of(Colours)) == [
        "PATCH /inner/note: the body must be derived from PatchBody",
        "PATCH /inner/note: Colours.back has a default",
    ]
    assert patch_violations(table_of(WithoutBase)) == ["PATCH /inner/note: the body must be derived from PatchBody"]
    assert patch_violations(table_of(Annotated[dict[str, str], Body()])) == [
        "PATCH /inner/note: the body must be derived from PatchBody"
    ]
    assert not patch_violations(table_of(Whole))
