"""Markers add up: whatever way a route is written in, and wherever its markers stand, all of them hold."""

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI

from shared.access import Requires
from shared.module import ModuleError
from tests.api.asgi import bearer
from tests.security.marker_forms import CALLERS, FORMS, PLACES, A, B, Case, Form, cases, verdict, written_into
from tests.shared.guarded import ask, guarded, scope_of
from tests.trees import write


@pytest.mark.parametrize("name", FORMS)
def test_item_49_what_would_weaken_a_marker_is_refused(name: str) -> None:
    weakened = [case for case in cases(FORMS[name]) if verdict(case).is_refused]

    assert [str(case) for case in weakened if not is_refused(FORMS[name], case)] == []
    assert len(weakened) >= 15


def is_refused(form: Form, case: Case) -> bool:
    try:
        guarded(lambda app: written_into(app, form, [(0, case)]), dependencies=[])
    except ModuleError as error:
        return "Markers add up" in str(error)
    return False


@pytest.mark.parametrize("name", FORMS)
async def test_item_49_all_markers_around_a_route_hold(name: str) -> None:
    form = FORMS[name]
    numbered = list(enumerate(case for case in cases(form) if not verdict(case).is_refused))
    app = guarded(lambda app: written_into(app, form, numbered), dependencies=[])
    wrong = []
    for number, case in numbered:
        opened = {caller for caller in CALLERS if await opens(app, name, number, caller)}
        if opened != verdict(case).opens_for:
            wrong.append(f"{case}: {sorted(opened)}")

    assert wrong == []
    assert len(numbered) > 100


@pytest.mark.parametrize("name", FORMS)
async def test_item_49_what_the_application_requires_holds_for_all_its_routes(name: str) -> None:
    form = FORMS[name]
    cases_of_it = [Case({}), Case({PLACES[-1]: [B]})]
    app = guarded(lambda app: written_into(app, form, enumerate(cases_of_it)), dependencies=[Requires(A)])
    opened = [{caller for caller in CALLERS if await opens(app, name, number, caller)} for number in (0, 1)]

    assert opened == [{"who holds a", "who holds both"}, {"who holds both"}]
    with pytest.raises(ModuleError):
        guarded(lambda app: written_into(app, form, [(0, Case({PLACES[-1]: ["public"]}))]), dependencies=[Requires(A)])


async def test_the_pages_of_a_frontend_are_in_no_table_and_stay_closed(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "served"})
    router = APIRouter(dependencies=[Requires(A)])
    router.frontend("/", directory=tmp_path)
    app = guarded(lambda app: app.include_router(router), dependencies=[])

    assert (await ask(app, scope_of("/index.html"))).status == 404
    assert (await ask(app, scope_of("/index.html") | {"headers": [(b"host", b"test")]})).status == 401


async def opens(app: FastAPI, name: str, number: int, caller: str) -> bool:
    form, held = FORMS[name], CALLERS[caller]
    scope = scope_of(f"/inner/case{number}{form.ending}", form.asked)
    headers = [(b"host", f"case{number}.test".encode() if name == "host" else b"test")]
    answer = await ask(app, scope | {"headers": headers + ([] if held is None else [bearer(",".join(["x", *held]))])})
    assert answer.status in {101, 200, 401, 403}
    return answer.status in {101, 200}
