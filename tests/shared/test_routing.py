"""The index changes nothing but the time: generated route tables, asked with it, without it, and the plain router."""

import pytest
from fastapi import FastAPI

from shared.access.table import AccessTable
from tests.shared.generated_routes import QUESTIONS, Generator, questions
from tests.shared.guarded import ask, guarded

TABLES = range(40)


class EveryRoute:
    """Stands in for the index, and leaves out nothing."""

    def __init__(self, table: AccessTable) -> None:
        self._table = table

    def candidates(self, path: str) -> list[int]:  # noqa: ARG002 - the signature of what it replaces
        return list(range(len(self._table.routes)))


def without_index(app: FastAPI) -> AccessTable:
    table = AccessTable(app.routes)
    table._index = EveryRoute(table)  # type: ignore[assignment]  # what a service has no use for
    return table


def plain(seed: int) -> FastAPI:
    return Generator(seed).fill(FastAPI(openapi_url=None, redirect_slashes=False))


def paths_of(app: FastAPI) -> list[str]:
    table: AccessTable = app.state.access
    return [rule.path for rule in table.routes if rule.path]


@pytest.mark.parametrize("seed", TABLES)
async def test_with_the_index_every_decision_is_the_same(seed: int) -> None:
    app = guarded(Generator(seed).fill)
    indexed, linear = app.state.access, without_index(app)
    found = 0
    for scope in questions(seed, paths_of(app)):
        decisions = []
        for table in (indexed, linear):
            match = table.match(dict(scope))
            decisions.append((match.entry and match.entry.context, match.routed, match.allowed))
        assert decisions[0] == decisions[1], scope
        found += decisions[0][0] is not None

    assert found > QUESTIONS / 10


@pytest.mark.parametrize("seed", TABLES)
async def test_every_answer_is_the_plain_routers(seed: int) -> None:
    ours, theirs = guarded(Generator(seed).fill), plain(seed)
    seen = set()
    for scope in questions(seed, paths_of(ours)):
        answer = await ask(ours, scope)
        if scope.get("method") == "HEAD" and not ours.state.access.match(dict(scope)).is_for("HEAD"):
            scope["method"] = "GET"  # whose route answers where HEAD has none
        expected = await ask(theirs, scope)
        seen.add(answer.status)
        if scope["path"].endswith("\n"):
            assert answer.told is None, scope
        elif answer.status == 405:
            # It names all methods of the path, not those of its first route, and a fixed path wins over a template.
            assert expected.status == 405 or scope["method"] not in answer.allow, scope
        elif answer != expected:
            # A template hides a fixed path from the router, which stops the start of a service; else neither runs.
            assert answer.status == 404, scope
            assert expected.told is not None, scope
            assert expected.told["parameters"] != "{}", scope

    assert seen & {101, 200}
    assert 404 in seen
