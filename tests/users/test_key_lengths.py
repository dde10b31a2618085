"""A key that is made from a text is never longer than its column, whatever the text."""

import sys
import unicodedata
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import inspect

from modules.users import Email, Nickname, User
from shared.assembly.discovery import discover
from shared.database import Base
from shared.errors import ValidationFailed
from shared.paging import search_text
from shared.paging.search import is_search_key
from shared.testing.envelope import assert_failure, input_errors
from tests.conftest import UNLIMITED, Account, MakeApp

SENTENCE = "\ufdfa"
"""One sign that NFKC writes as eighteen."""
ADDRESSES = [f"{SENTENCE * count}@ex.org" for count in (29, 30, 64)]
PASSWORD = "seven purple tractors sing"


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=UNLIMITED)


async def test_an_address_whose_key_is_too_long_is_refused_wherever_it_is_given(
    client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    for address in ADDRESSES:
        asked: list[tuple[str, dict[str, Any], dict[str, str]]] = [
            ("/api/auth/register", {"email": address, "password": PASSWORD}, {}),
            ("/api/users", {"email": address}, admin.headers),
            ("/api/auth/email/change", {"new_email": address, "current_password": user.password}, user.headers),
            ("/api/auth/password/forgot", {"email": address}, {}),
        ]
        for path, body, headers in asked:
            (fault,) = input_errors(await client.post(path, json=body, headers=headers))
            assert fault[1] == "key_too_long", (path, fault)
        login = await client.post("/api/auth/login", json={"email": address, "password": PASSWORD})
        assert_failure(login, 401, "invalid_credentials")


async def test_a_nickname_whose_key_is_too_long_is_refused(client: httpx.AsyncClient, user: Account) -> None:
    answer = await client.patch("/api/users/me", json={"nickname": SENTENCE * 9}, headers=user.headers)
    assert input_errors(answer) == [(("body", "nickname"), "key_too_long")]
    fitting = await client.patch("/api/users/me", json={"nickname": SENTENCE * 8}, headers=user.headers)
    assert fitting.status_code == 200


async def test_a_search_for_more_than_a_key_holds_finds_nothing(client: httpx.AsyncClient, admin: Account) -> None:
    answer = await client.get("/api/users", params={"q": SENTENCE * 100}, headers=admin.headers)
    assert answer.json()["data"]["items"] == []


@pytest.mark.module_rules
def test_every_key_of_every_module_is_looked_at_when_it_is_assigned() -> None:
    discover().import_models()
    keys = [
        (mapper.class_, column.key)
        for mapper in Base.registry.mappers
        for column in mapper.column_attrs
        if is_search_key(column.columns[0].type)
    ]
    assert {(User, "email_key"), (User, "nickname_key")} <= set(keys)

    for model, name in keys:
        length: int = inspect(model).columns[name].type.length
        row = model()
        setattr(row, name, "x" * length)
        with pytest.raises(ValidationFailed):
            setattr(row, name, "x" * (length + 1))


@pytest.mark.parametrize(
    ("kind", "form", "column"), [(Nickname, "{}", "nickname_key"), (Email, "{}@ex.org", "email_key")]
)
def test_whatever_a_field_takes_has_a_key_that_fits(kind: Any, form: str, column: str) -> None:
    adapter = TypeAdapter[str](kind)
    key: Any = inspect(User).columns[column].type
    letters = [chr(point) for point in range(0xA0, sys.maxunicode) if not 0xD800 <= point < 0xE000]
    # Those that grow most, by each of the forms.
    for letter in (
        sorted(letters, key=lambda one: -len(search_text(one)))[:40]
        + sorted(letters, key=lambda one: -len(unicodedata.normalize("NFC", one)))[:40]
    ):
        for count in (1, 8, 9, 25, 50, 60):
            try:
                taken = adapter.validate_python(form.format(letter * count))
            except ValidationError:
                continue
            user = User(nickname=taken) if kind is Nickname else User(email=taken)
            if kind is Nickname:
                assert len(user.nickname_key or "") <= key.length
            assert len(taken) <= (50 if kind is Nickname else 254)
