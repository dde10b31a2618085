"""Messages follow Accept-Language, codes never do; and what is wrong with the input comes with its limits."""

import ast
import json
import string
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import httpx2 as httpx
import pytest
from pydantic_core.core_schema import ErrorType

from shared.errors import ValidationFailed
from shared.http.fault_limits import limits_of
from shared.testing.envelope import assert_failure, data_of
from shared.translations import Texts
from tests.conftest import Account, MakeApp, client_of
from tests.docs.failure_codes import errors_of_ours
from tests.project import BUILT_IN, ROOT
from tests.shared.packages import MakeModules, declaration, make_modules  # noqa: F401 - a fixture

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
# Their text is that of the ValueError, and is translated by it.
BY_THEIR_TEXT = {"value_error", "assertion_error"}


def folders() -> list[Path]:
    return [ROOT / "modules" / name for name in sorted(BUILT_IN)]


def calls() -> Iterator[tuple[Path, str, ast.Call]]:
    """Every call in the code of the service, with the name of what is called."""
    for place in (ROOT / "shared", *folders()):
        for file in set(place.rglob("*.py")) - set(place.rglob("cli.py")):  # the command line speaks English
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    function = node.func
                    yield file, function.attr if isinstance(function, ast.Attribute) else ast.unparse(function), node


def literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def messages() -> Iterator[tuple[object, str]]:
    """Whatever the service says in words, with where it stands."""
    errors = errors_of_ours()
    yield from ((error, error.message) for error in errors.values())
    for file, name, call in calls():
        if name in errors and call.args and (text := literal(call.args[0])):
            yield file, text
        if name == "success" and len(call.args) > 1 and (text := literal(call.args[1])):
            yield file, text


def faults() -> Iterator[tuple[object, str]]:
    yield from (("pydantic", type_) for type_ in get_args(ErrorType) if type_ not in BY_THEIR_TEXT)
    for file, name, call in calls():
        if name == "at" and (types := [literal(one.value) for one in call.keywords if one.arg == "type_"]):
            yield from ((file, type_) for type_ in types if type_ and type_ not in BY_THEIR_TEXT)
        if name == "PydanticCustomError" and (type_ := literal(call.args[0])):
            yield file, type_


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_everything_the_service_says_has_a_chinese_text() -> None:
    texts, found = Texts(folders()), list(messages())

    assert len(found) > 30
    assert [f"{where}: {english}" for where, english in found if not texts.message(english, "zh")] == []
    assert [one for _, one in found if fields(texts.message(one, "zh") or "") != fields(one)] == []


def test_every_fault_of_the_input_has_a_chinese_text() -> None:
    texts, found = Texts(folders()), list(faults())

    assert len(found) > 100
    assert [f"{where}: {type_}" for where, type_ in found if not texts.fault(type_, "zh")] == []


@pytest.mark.module_rules
def test_no_translation_is_of_a_text_that_nobody_says() -> None:
    for file in (ROOT / "modules").glob("*/messages/zh.toml"):
        source = "".join(code.read_text(encoding="utf-8") for code in file.parents[1].rglob("*.py"))
        for english in tomllib.loads(file.read_text(encoding="utf-8"))["messages"]:
            assert english in source, f"{file}: {english}"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_messages_follow_accept_language_and_codes_do_not(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    wrong = {"email": user.email, "password": "not the password"}
    for method, path, headers, body in (
        ("GET", "/api/users/me", {}, None),
        ("GET", "/api/nothing", user.headers, None),
        ("GET", "/api/users", user.headers, None),
        ("PUT", "/api/users/me", user.headers, None),
        ("POST", "/api/users", admin.headers, {"email": user.email}),
        ("POST", "/api/auth/login", {}, wrong),
        ("POST", "/api/auth/login", {"Content-Length": "99999999"}, None),
        ("POST", "/api/auth/register", {}, {"email": "nonsense", "password": "short", "more": 1}),
        ("GET", "/api/users?limit=x&sort=y&is_active=z", admin.headers, None),
        ("OPTIONS", "/api/users/me", {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}, None),
    ):
        english = await client.request(method, path, headers=headers, json=body)
        chinese = await client.request(method, path, headers=headers | CHINESE, json=body)
        assert english.status_code == chinese.status_code >= 400
        assert english.json()["code"] == chinese.json()["code"]
        told = [english.json()["message"], *messages_of(english)], [chinese.json()["message"], *messages_of(chinese)]
        assert [text for text in told[0] if not text.isascii()] == []
        assert [text for text in told[1] if text.isascii()] == []
        assert [one["params"] for one in items(english)] == [one["params"] for one in items(chinese)]
        for answer, language in ((english, "en"), (chinese, "zh")):
            assert answer.headers["content-language"] == language
            assert "Accept-Language" in answer.headers["vary"]


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (answer.json()["data"] or {}).get("errors", [])
    return found


def messages_of(answer: httpx.Response) -> list[str]:
    return [one["msg"] for one in items(answer)]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_success_that_says_something_says_it_in_both_languages(client: httpx.AsyncClient) -> None:
    body = {"email": "ada@example.com"}
    english = await client.post("/api/auth/password/forgot", json=body)
    chinese = await client.post("/api/auth/password/forgot", json=body, headers=CHINESE)
    plain = await client.get("/api/health", headers=CHINESE)

    assert english.json()["message"].startswith("If this address")
    assert "邮箱" in chinese.json()["message"]
    assert (english.headers["content-language"], chinese.headers["content-language"]) == ("en", "zh")
    assert plain.json()["message"] == "OK"
    assert "content-language" not in plain.headers


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_best_language_of_ours_is_spoken(client: httpx.AsyncClient) -> None:
    for header, language in (
        ("fr, zh;q=0.5", "zh"),
        ("zh;q=0.2, en;q=0.9", "en"),
        ("fr", "en"),
        ("zh-Hant-TW", "zh"),
        ("*", "en"),
        ("zh;q=0", "en"),
        (",;q=x,\x7f", "en"),
        ("", "en"),
    ):
        answer = await client.get("/api/users/me", headers={"Accept-Language": header})
        assert answer.headers["content-language"] == language, header
    several = [("Accept-Language", "fr"), ("Accept-Language", "zh")]
    assert (await client.get("/api/users/me", headers=several)).headers["content-language"] == "zh"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_faults_carry_their_limits(client: httpx.AsyncClient, admin: Account) -> None:
    body: dict[str, Any] = {"email": "ada@example.com", "password": "short-Qx7"}
    short = await client.post("/api/auth/register", json=body)
    body |= {"email": "nonsense", "nickname": "x" * 51, "locale": "fr"}
    invalid = await client.post("/api/auth/register", json=body)
    many = await client.get("/api/users?limit=101", headers=admin.headers)

    assert [(one["type"], one["params"]) for one in items(short)] == [("password_too_short", {"min_length": 15})]
    assert {(one["type"], json.dumps(one["params"])) for one in items(invalid)} == {
        ("email_invalid", "{}"),
        ("too_long", '{"max_length": 50}'),
        ("literal_error", "{\"expected\": \"'en' or 'zh'\"}"),
    }
    assert [one["params"] for one in items(many)] == [{"le": 100}]
    assert assert_failure(short, 422, "validation_error")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"type": "string_too_short", "ctx": {"min_length": 1}}, {"min_length": 1}),
        ({"type": "greater_than", "ctx": {"gt": Decimal("1.50")}}, {"gt": "1.50"}),
        ({"type": "less_than", "ctx": {"lt": float("inf")}}, {}),
        ({"type": "too_long", "ctx": {"field_type": "List", "max_length": 3, "actual_length": 9}}, {"max_length": 3}),
        ({"type": "value_error", "ctx": {"error": ValueError("secret")}}, {}),
        ({"type": "uuid_parsing", "ctx": {"error": "found `s` at 1"}, "input": "secret"}, {}),
        ({"type": "union_tag_invalid", "ctx": {"tag": "secret", "expected_tags": "'a'"}}, {"expected_tags": "'a'"}),
        ({"type": "room_taken", "ctx": {"rooms": 7, "room": "secret"}, "input": "secret"}, {"rooms": 7}),
        ({"type": "room_taken", "ctx": {"error": "secret", "input": "secret", "at": object()}}, {}),
        ({"type": "missing"}, {}),
    ],
)
def test_only_limits_are_told_and_nothing_of_the_input(fault: dict[str, Any], expected: dict[str, Any]) -> None:
    assert limits_of(fault) == expected


ROOMS = """
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from shared.access import Public
from shared.errors import AppError
from shared.http import ApiResponse, success
from shared.http import RequestBody


class RoomTaken(AppError):
    status, code, message = 409, "room_taken", "The room {number} is taken."


def _is_a_room(value: int) -> int:
    if value > 7:
        raise PydanticCustomError("no_such_room", "There are {rooms} rooms.", {"rooms": 7})
    if value < 0:
        raise ValueError("Rooms are counted from 0.")
    return value


class Booking(RequestBody):
    room: Annotated[int, AfterValidator(_is_a_room)]


router = APIRouter()


@router.post("/bookings", dependencies=[Public("for a test")])
async def book_room(data: Booking) -> ApiResponse[None]:
    if data.room:
        raise RoomTaken(params={"number": data.room})
    return success(None, "Room {0} is yours.")
"""
ROOMS_IN_CHINESE = """
[messages]
"The room {number} is taken." = "{number} 号房已被预订。"
"Rooms are counted from 0." = "房间从 0 开始编号。"
[faults]
no_such_room = "共有 {rooms} 间房。"
"""


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_module_brings_its_own_translations(make_app: MakeApp, make_modules: MakeModules) -> None:  # noqa: F811 - the fixture
    files = {"rooms/module.py": declaration(), "rooms/router.py": ROOMS, "rooms/messages/zh.toml": ROOMS_IN_CHINESE}
    async with client_of(make_app(modules=make_modules(files, besides=("modules",)))) as client:

        async def book(room: int, **headers: str) -> httpx.Response:
            return await client.post("/api/rooms/bookings", json={"room": room}, headers=headers)

        assert (await book(1)).json()["message"] == "The room 1 is taken."
        assert (await book(1, **CHINESE)).json()["message"] == "1 号房已被预订。"
        assert [(one["msg"], one["params"]) for one in items(await book(8))] == [("There are 7 rooms.", {"rooms": 7})]
        assert messages_of(await book(8, **CHINESE)) == ["共有 7 间房。"]
        assert messages_of(await book(-1)) == ["Rooms are counted from 0."]
        assert messages_of(await book(-1, **CHINESE)) == ["房间从 0 开始编号。"]
        # What has no translation is said in English, and a text without parameters is no template.
        answer = await book(0, **CHINESE)
        assert data_of(answer) is None
        assert answer.json()["message"] == "Room {0} is yours."


def test_a_fault_of_ours_has_parameters_whether_it_has_limits_or_not() -> None:
    fault = {"loc": [], "type": "x", "msg": "X."}
    for failure in (ValidationFailed([fault]), ValidationFailed.at(type_="x", msg="X.")):
        assert failure.data == {"errors": [{"loc": [], "type": "x", "msg": "X.", "params": {}}]}
