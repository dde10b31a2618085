"""Text and numbers that break careless services, in every field and parameter that the OpenAPI document names."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from shared.testing.envelope import KEYS, assert_failure, data_of, input_errors
from tests.api.document import resolve
from tests.conftest import UNLIMITED, Account, MakeApp
from tests.project import BUILT_IN
from tests.security.operations import Operation, Schema, operations_of

# Half of a pair can be written in JSON; in an address it is bytes that are no UTF-8.
SURROGATES = ("\ud800", "a\udfffb", "\ude00\ud83d")
CONTROLS = ("\x00", "a\x00b", "\x01", "\t", "\r\n", "\x1b[31m", "\x1f", "\x7f", "\x85", "a\u202eb", "\u2066", "\u2069a")
BYTES = ("%00", "a%00b", "%ED%A0%80", "%FF", "%C0%80", "%1B", "%0D%0A", "%C2%85", "%E2%80%AEa")
NUMBERS = (2**63, -1, 10**60, -(2**63) - 1, "9" * 4300, "1e999", "-1e999", "NaN", "Infinity", "-0", "1.5")
SPELLINGS = ("1_0", "%2B1", "1.0", "0x10", "%D9%A3", "%201", "1%20", "--1", "1e2")


@dataclass(frozen=True)
class Field:
    """A property of a body, or a parameter of the path or the query."""

    operation: Operation
    place: str
    name: str
    schema: Schema

    def __str__(self) -> str:
        return f"{self.operation} {self.place} {self.name}"

    @property
    def is_built_in(self) -> bool:
        return self.operation.module in BUILT_IN

    @property
    def is_list(self) -> bool:
        return bool(self.schema["type"] == "array")

    @property
    def takes_numbers(self) -> bool:
        """Which of them, the module's own tests know."""
        item = self.schema.get("items", self.schema)
        return bool({item.get("type"), *item.get("or", ())} & {"integer", "number"})

    @property
    def is_free_text(self) -> bool:
        """Passwords and tokens: any character is as good as another."""
        text = self.schema["items"] if self.is_list else self.schema
        return text.get("type") == "string" and not text.keys() & {"pattern", "format", "enum"}

    def allows(self, answer: httpx.Response, *statuses: int) -> bool:
        """Whether the answer has one of these; what fits a module of a team's own, only its own tests know."""
        return answer.status_code in statuses if self.is_built_in else answer.status_code < 500


def fields_of(app: FastAPI) -> Iterator[Field]:
    document = app.openapi()
    for operation in operations_of(app):
        for name, schema in (operation.body or {}).get("properties", {}).items():
            yield Field(operation, "body", name, _plain(document, schema))
        for parameter in document["paths"][operation.path][operation.method.lower()].get("parameters", ()):
            yield Field(operation, parameter["in"], parameter["name"], _plain(document, parameter["schema"]))


def _plain(document: Schema, schema: Schema) -> Schema:
    """What is not null: text, where there is a choice; the types of the others are in `or`."""
    choices = [resolve(document, one) for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    choices.sort(key=lambda one: one.get("type") != "string")
    plain: Schema = {"type": "string"} | choices[0] | {"or": [one.get("type") for one in choices[1:]]}
    return plain | ({"items": _plain(document, plain["items"])} if "items" in plain else {})


@dataclass(frozen=True)
class Sender:
    client: httpx.AsyncClient
    headers: dict[str, str]

    async def write(self, field: Field, literal: str) -> httpx.Response:
        """A body that is as it should be, but for this field, which holds some JSON."""
        body = {name: json.dumps(value) for name, value in field.operation.sample().items()}
        body[field.name] = f"[{literal}]" if field.is_list else literal
        content = ", ".join(f'"{name}": {value}' for name, value in body.items())
        return await self._send(field, field.operation.url(), content=f"{{{content}}}")

    async def ask(self, field: Field, quoted: str) -> httpx.Response:
        """An address with this in it."""
        if field.place == "path":
            path, _, rest = field.operation.path.partition(f"{{{field.name}}}")
            return await self._send(field, f"{path}{quoted}{rest}", json=field.operation.sample())
        return await self._send(field, f"{field.operation.url()}?{field.name}={quoted}", json=field.operation.sample())

    async def _send(self, field: Field, url: str, **content: Any) -> httpx.Response:
        if field.operation.body is None:
            content = {}
        headers = self.headers | {"Content-Type": "application/json"}
        answer = await self.client.request(field.operation.method, url, headers=headers, **content)
        assert set(answer.json()) == KEYS
        return answer


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED)


@pytest.fixture
def sender(client: httpx.AsyncClient, admin: Account) -> Sender:
    return Sender(client, admin.headers)


async def assert_everything_can_be_read(sender: Sender) -> None:
    """What was written in between has poisoned no list."""
    for path in ("/api/users?limit=100", "/api/auth/audit?limit=100", "/api/auth/sessions", "/api/auth/roles"):
        data_of(await sender.client.get(path, headers=sender.headers))


@pytest.mark.module_rules
async def test_item_66_half_a_character_is_422_in_every_field(app: FastAPI, sender: Sender) -> None:
    tried = [field for field in fields_of(app) if field.place == "body"]
    assert len(tried) > 25

    for field in tried:
        for text in SURROGATES:
            answer = await sender.write(field, json.dumps(text))
            assert answer.status_code == 422, f"{field}: {answer.text}"
            assert ("body", field.name) in {loc[:2] for loc, _ in input_errors(answer)}, field
    await assert_everything_can_be_read(sender)


@pytest.mark.module_rules
async def test_item_66_what_shows_nothing_or_another_text_is_422_where_people_read_it(
    app: FastAPI, sender: Sender
) -> None:
    free_text = set()
    for field in fields_of(app):
        for text in CONTROLS if field.place == "body" else ():
            answer = await sender.write(field, json.dumps(text))
            if field.is_free_text or not field.is_built_in:
                free_text |= {field.name} if field.is_built_in else set()
                assert answer.status_code < 500, f"{field} {text!r}: {answer.text}"
            else:
                assert answer.status_code == 422, f"{field} {text!r}: {answer.text}"

    assert free_text == {"password", "current_password", "new_password", "token", "refresh_token"}
    await assert_everything_can_be_read(sender)


@pytest.mark.module_rules
async def test_item_66_no_bytes_in_an_address_or_a_header_are_a_failure_of_ours(app: FastAPI, sender: Sender) -> None:
    tried = [field for field in fields_of(app) if field.place in {"path", "query"}]
    assert len(tried) > 15

    for field in tried:
        for quoted in BYTES:
            answer = await sender.ask(field, quoted)
            # A search may be for the character that stands for unreadable bytes; a line end is part of no path.
            allowed = {422, 200} if field.name == "q" else {422, 404} if field.place == "path" else {422}
            assert field.allows(answer, *allowed), f"{field} {quoted}: {answer.text}"
    for value in (b"\xff\xfe", b"\x01", b"\xe2\x80\xae", b"\xed\xa0\x80", b"x" * 10_000):
        for name in (b"User-Agent", b"Accept-Language", b"Origin", b"X-Forwarded-For", b"Accept"):
            answer = await sender.client.post("/api/auth/refresh", headers=[(name, value)], json={"refresh_token": "x"})
            assert_failure(answer, 401, "invalid_refresh_token")
    await assert_everything_can_be_read(sender)


async def test_item_66_what_a_login_is_told_of_itself_may_be_anything(client: httpx.AsyncClient, user: Account) -> None:
    for agent in (b"\xff\xfe", b"\x01\x1b[31m", "\u202e".encode(), "\U0001f600".encode() * 300):
        credentials = {"email": user.email, "password": user.password}
        data_of(await client.post("/api/auth/login", headers=[(b"User-Agent", agent)], json=credentials))

    assert len(data_of(await client.get("/api/auth/sessions", headers=user.headers))) == 5


@pytest.mark.module_rules
async def test_item_67_a_number_is_422_in_every_field_that_takes_text(app: FastAPI, sender: Sender) -> None:
    for field in fields_of(app):
        for number in NUMBERS if field.place == "body" else ():
            answer = await sender.write(field, str(number))
            # Beyond 4300 digits Python itself reads no number.
            allowed = {200, 201, 400, 422} if field.takes_numbers else {400, 422}
            assert answer.status_code in allowed, f"{field} {number}: {answer.text}"


@pytest.mark.module_rules
async def test_item_67_a_number_in_an_address_is_in_bounds_and_written_plainly(app: FastAPI, sender: Sender) -> None:
    for field in fields_of(app):
        for number in (*NUMBERS, *SPELLINGS) if field.place in {"path", "query"} else ():
            answer = await sender.ask(field, str(number))
            allowed = {200, 422} if field.name == "q" else {422}
            assert field.allows(answer, *allowed), f"{field} {number}: {answer.text}"


@pytest.mark.module_rules
async def test_item_68_every_list_is_bounded_and_sorts_by_what_is_listed(app: FastAPI, sender: Sender) -> None:
    lists = [field for field in fields_of(app) if field.name in {"limit", "sort"}]
    assert {str(field.operation) for field in lists} >= {"GET /api/users", "GET /api/auth/audit"}

    for field in lists:
        wrong = (10**9, -1, 0, 101) if field.name == "limit" else ("password_hash", "id", "-details", "email,id", "")
        for value in wrong:
            assert input_errors(await sender.ask(field, str(value)))[0][0] == ("query", field.name)
    # There is no offset to be too large: a page begins behind a cursor, and what is not known is not looked at.
    data_of(await sender.client.get(f"/api/users?offset={2**63}", headers=sender.headers))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_item_69_of_a_key_or_a_parameter_that_is_there_twice_the_last_counts(
    client: httpx.AsyncClient, admin: Account
) -> None:
    headers = admin.headers | {"Content-Type": "application/json"}
    twice = '{"nickname": "first", "nickname": "last"}'
    assert data_of(await client.patch("/api/users/me", headers=headers, content=twice))["nickname"] == "last"

    await client.post("/api/users", headers=headers, json={"email": "bob@example.com"})
    for query, count in (("limit=1&limit=2", 2), ("limit=2&limit=1", 1), ("limit=x&limit=1", 1)):
        assert len(data_of(await client.get(f"/api/users?{query}", headers=headers))["items"]) == count
    assert input_errors(await client.get("/api/users?limit=1&limit=x", headers=headers))


async def test_item_70_of_many_at_once_one_is_taken_and_the_others_are_told_the_field_not_the_constraint(
    client: httpx.AsyncClient, admin: Account
) -> None:
    email, password = "ada@example.com", "seven purple tractors sing"
    creations: list[tuple[str, dict[str, str], str]] = [
        ("/api/auth/register", {"email": email, "password": password}, "email_taken"),
        ("/api/users", {"email": f"b{email}"}, "email_taken"),
        ("/api/auth/roles", {"name": "editor"}, "role_taken"),
    ]
    for path, body, code in creations:
        answers = await asyncio.gather(*(client.post(path, headers=admin.headers, json=body) for _ in range(8)))

        taken = [answer for answer in answers if answer.status_code != 201]
        assert len(taken) == 7
        for answer in taken:
            told = json.dumps(assert_failure(answer, 409, code)).lower()
            assert not [word for word in ("uq_", "pk_", "key", "constraint", "insert", "users", "sql") if word in told]
