"""A faulty body costs about what a right one does: validation stops, and names a few faults of many."""

import json
import time
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from shared.http import MAXIMUM_ERRORS, AnyText, Name, RequestBody, SafeText
from tests.api.asgi import bearer
from tests.conftest import Account
from tests.shared.conversation import Conversation

MANY = 100_000
# Of what reading the same bytes costs; measured, it is up to three. It was 19 to 130.
GENEROUS = 10


class Item(RequestBody):
    number: int = 0
    tags: list[int] | None = None


class Tree(RequestBody):
    children: list["Tree"] | None = None
    number: int = 0


class Everything(RequestBody):
    numbers: list[int] | None = None
    distinct: set[int] | None = None
    both: tuple[int, ...] | None = None
    items: list[Item] | None = None
    either: list[Item | int] | None = None
    named: dict[str, int] | None = None
    lists: dict[str, list[int]] | None = None
    tree: Tree | None = None
    text: Annotated[SafeText, Field(max_length=50)] = ""
    password: Annotated[AnyText, Field(max_length=50)] = ""
    name: Annotated[Name, Field(max_length=50)] = "x"


class Camel(RequestBody):
    model_config = ConfigDict(alias_generator=lambda name: f"the-{name}")

    number: int = 0


class Open(RequestBody):
    model_config = ConfigDict(extra="allow")


NAMED = {f"k{number}": "x" for number in range(MANY)}
FAULTY: dict[str, Any] = {
    "unknown fields": NAMED,
    "numbers": {"numbers": ["x"] * MANY},
    "a set": {"distinct": [f"x{number}" for number in range(MANY)]},
    "a tuple": {"both": ["x"] * MANY},
    "items": {"items": [{"number": "x"}] * MANY},
    "unknown fields of items": {"items": [{"x": 1}] * MANY},
    "unknown fields of an item": {"items": [NAMED]},
    "lists of items": {"items": [{"tags": ["x"] * 100}] * (MANY // 100)},
    "alternatives": {"either": ["x"] * MANY},
    "values": {"named": NAMED},
    "lists of values": {"lists": {f"k{number}": ["x"] for number in range(MANY)}},
    "a tree": {"tree": {"children": [{"children": [{"number": "x"}] * 100}] * (MANY // 100)}},
}


def faults(cls: Any, value: object) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(cls).validate_python(value)
    return caught.value.errors()


@pytest.mark.parametrize("value", FAULTY.values(), ids=FAULTY)
def test_of_many_faults_a_few_are_named(value: Any) -> None:
    assert 1 <= len(faults(Everything, value)) <= MAXIMUM_ERRORS


def test_of_few_faults_all_are_named() -> None:
    value = {"x": 1, "y": 2, "numbers": ["x", 1], "text": "\n", "name": "", "tree": {"number": "x", "z": 1}}

    assert {one["loc"] for one in faults(Everything, value)} == {
        ("x",),
        ("y",),
        ("numbers", 0),
        ("text",),
        ("name",),
        ("tree", "number"),
        ("tree", "z"),
    }


@pytest.mark.parametrize(("cls", "known"), [(Item, "number"), (Camel, "the-number")])
def test_what_is_named_of_unknown_fields_is_not_known(cls: Any, known: str) -> None:
    found = faults(cls, {known: "x"} | {f"k{number}": 1 for number in range(1000)} | {"\ud800": 1})

    assert [one["loc"] for one in found] == [(f"k{number}",) for number in range(MAXIMUM_ERRORS)]
    assert {one["type"] for one in found} == {"extra_forbidden"}


def test_a_body_that_takes_any_field_takes_many() -> None:
    assert Open.model_validate(NAMED).model_extra == NAMED


def test_half_a_character_in_the_name_of_one_of_many_is_named() -> None:
    assert faults(Item, {f"\ud800{number}": 1 for number in range(100)})[0]["loc"] == ("\\ud8000",)


@pytest.mark.parametrize("field", ["text", "password", "name"])
@pytest.mark.parametrize("character", ["x", "\u4e2d", "\U0001f600"])
def test_how_long_a_text_is_costs_next_to_nothing(field: str, character: str) -> None:
    long = {field: character * (1_000_000 // len(character.encode()))}
    adapter = TypeAdapter(Everything)

    def validate() -> None:
        with pytest.raises(ValidationError):
            adapter.validate_python(long)

    assert cost(validate) < GENEROUS * cost(lambda: json.loads(json.dumps(long, ensure_ascii=False)))


@pytest.mark.parametrize("value", FAULTY.values(), ids=FAULTY)
def test_item_87_many_faults_cost_about_what_reading_them_costs(value: Any) -> None:
    adapter, text = TypeAdapter(Everything), json.dumps(value)

    def validate() -> None:
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(value)
        caught.value.errors()

    assert cost(validate) < GENEROUS * cost(lambda: json.loads(text))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_item_87_a_megabyte_of_unknown_fields_costs_about_what_reading_it_costs(
    app: FastAPI, admin: Account
) -> None:
    """On a route that needs a login, and takes so much."""
    headers = [bearer(admin.tokens["access_token"]), (b"content-type", b"application/json")]
    body = json.dumps({f"k{number}": 1 for number in range(80_000)}).encode()
    reading, times = cost(lambda: json.loads(body)), []

    for _ in range(3):
        begun = time.perf_counter()
        talk = Conversation(app, "POST", "/api/auth/roles", headers, [body], is_whole=True)
        await talk.run()
        times.append(time.perf_counter() - begun)
        assert talk.status == 422
    assert min(times) < GENEROUS * reading


def cost(work: Any) -> float:
    """The best of a few, with something for the clock."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times) + 0.0005
