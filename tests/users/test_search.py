"""What a search finds, in every order and cut into any pages: compared with looking at each user."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from dependency_injector import providers
from fastapi import FastAPI

from modules.users import User, UserCreate
from modules.users.container import Container as UsersContainer
from modules.users.schemas import UserUpdate
from shared.container import Runtime
from shared.paging import PageRequest, search_page, search_text

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
LAST = "\U0010ffff"
# One is the beginning of another, or nearly: in the letters, in their case, or in what comes last of all.
NAMES = (
    *("a", "A b", "ab", "ab ", "AB C", "ab%", "ab_", "ab\\", "ab!", "ab~", "abc", "ac", "b"),
    *("stra\u00dfe", "STRASSE", "strass", "\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2 \u03b1", "\u00c9lan"),
    *("Jose\u0301", "jos\u00e9 maria", "\uff26\uff55\uff4c\uff4c", "\u015e\u0130\u015eL\u0130", "\u0131\u015f\u0131k"),
    *(f"ab{LAST}", f"ab{LAST}x", f"ab{LAST}{LAST}", LAST, "\ud7ff", "\ue000", "\U0001f600", "\U0001f601"),
)
ADDRESSES = ("a.b", "ab", "ABC", "ab_c", "a_bc", "ac", "b", "strasse", "zz")
QUERIES = (
    *("a", "AB", "ab ", "ab%", "ab_", "ab\\", "ab!", "abc", "b", "z", "x", "%", "_", " "),
    *("stras", "STRASS", "stra\u00df", "\u03bf\u03b4\u03bf\u03c3", "\u039f\u0394\u039f\u03a3 \u0391", "\u00e9L", "el"),
    *(
        "jos\u00e9",
        "JOSE\u0301",
        "full",
        "\uff46\uff35",
        "\u015fi\u015fli",
        "\u015e\u0130\u015eL\u0130",
        "I\u015eIK",
        "i\u015f",
    ),
    *(f"ab{LAST}", f"AB{LAST}{LAST}", LAST, LAST * 2, "\ud7ff", "\ue000", "\U0001f600", "ab_c@X.io", "abc@x.iO"),
)
SORTS = {
    "created_at": lambda user: (user.created_at, user.id),
    "email": lambda user: user.email.casefold(),
}


@pytest.fixture
async def runtime(app: FastAPI) -> Runtime:
    """With users who share every moment with two others, one in four of them not active."""
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        for number in range(2 * len(NAMES)):
            moment = BEGIN + timedelta(seconds=number % 18)
            runtime.shared.clock.override(providers.Object(lambda moment=moment: moment))
            service = runtime.of(UsersContainer).user_service(session)
            local = ADDRESSES[number] if number < len(ADDRESSES) else f"{ADDRESSES[number % 9]}{number * 31 % 100}"
            nickname = NAMES[number // 2] if number % 2 else None
            user = await service.create(UserCreate.model_construct(email=f"{local}@x.io", nickname=nickname))
            user.is_active = number % 4 != 1
    return runtime


async def found(runtime: Runtime, sort: str, limit: int, **filters: Any) -> list[User]:
    """All pages, one after the other."""
    users: list[User] = []
    cursor: str | None = None
    while True:
        async with runtime.shared.database().read() as session:
            service = runtime.of(UsersContainer).user_service(session)
            page = await service.list(PageRequest(sort, limit, cursor), **filters)
        users += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return users


def expected(users: Sequence[User], q: str, *, is_active: bool | None) -> list[User]:
    return [
        user
        for user in users
        if is_active in {None, user.is_active}
        and (
            user.email.casefold().startswith(q.casefold())
            or (user.nickname is not None and search_text(user.nickname).startswith(search_text(q)))
        )
    ]


@pytest.mark.parametrize("few", [0, 2, 100])
async def test_a_search_finds_whoever_begins_like_it(
    runtime: Runtime, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_page, "SORT_LIMIT", few)
    for (name, order), is_down in product(SORTS.items(), (False, True)):
        sort = f"-{name}" if is_down else name
        users = await found(runtime, sort, 1_000)
        assert users == sorted(users, key=order, reverse=is_down)
        assert len(users) == 2 * len(NAMES)
        for q, is_active in [*((q, None) for q in QUERIES), *((q, False) for q in QUERIES[:4])]:
            wanted = [user.email for user in expected(users, q, is_active=is_active)]
            seen = [user.email for user in await found(runtime, sort, 5, q=q, is_active=is_active)]
            assert seen == wanted, (sort, q, is_active)


async def test_the_total_of_a_search_counts_what_it_finds(runtime: Runtime) -> None:
    users = await found(runtime, "email", 1_000)
    async with runtime.shared.database().read() as session:
        service = runtime.of(UsersContainer).user_service(session)
        for q, is_active in product(QUERIES, (None, True, False)):
            page = await service.list(PageRequest("email", 1, total=True), q=q, is_active=is_active)
            assert page.total == len(expected(users, q, is_active=is_active)), (q, is_active)


async def test_a_new_nickname_is_found_and_the_old_one_no_longer(runtime: Runtime) -> None:
    (user,) = await found(runtime, "email", 9, q=f"{LAST}")

    async with runtime.shared.database().transaction() as session:
        service = runtime.of(UsersContainer).user_service(session)
        await service.update(user.id, UserUpdate(nickname="Stra\u00dfer"))
    assert await found(runtime, "email", 9, q=LAST) == []
    assert [one.id for one in await found(runtime, "email", 9, q="STRASSER")] == [user.id]

    async with runtime.shared.database().transaction() as session:
        service = runtime.of(UsersContainer).user_service(session)
        await service.update(user.id, UserUpdate(nickname=None))
    assert await found(runtime, "email", 9, q="STRASSER") == []


async def test_an_address_of_an_international_domain_is_found_by_every_beginning(app: FastAPI) -> None:
    runtime: Runtime = app.state.runtime
    async with runtime.shared.database().transaction() as session:
        service = runtime.of(UsersContainer).user_service(session)
        for email in ("\ufb01ona@b\u00fccher.example", "info@strau\u00df.de", "info@strauss.de"):
            await service.create(UserCreate(email=email))

    for spelling in ("Fiona@B\u00dcCHER.example", "info@Strau\u1e9e.de", "info@strauss.DE"):
        for end in range(1, len(spelling) + 1):
            users = await found(runtime, "email", 9, q=spelling[:end])
            assert len(users) == (2 if "info@strau".startswith(spelling[:end].lower()) else 1), spelling[:end]


@pytest.mark.parametrize(
    ("nickname", "queries"),
    [
        ("Jose\u0301", ["jos\u00e9", "Jose\u0301", "JOS\u00c9", "jos"]),
        ("Jos\u00e9", ["jos\u00e9", "Jose\u0301"]),
        ("\uff26\uff55\uff4c\uff4c", ["full", "\uff26\uff35"]),
        ("\u015e\u0130\u015eL\u0130", ["\u015fi\u015fli", "\u015eI\u015eLI", "\u015f\u0131"]),
    ],
)
async def test_a_name_is_found_however_it_is_typed(runtime: Runtime, nickname: str, queries: list[str]) -> None:
    async with runtime.shared.database().transaction() as session:
        service = runtime.of(UsersContainer).user_service(session)
        user = await service.create(UserCreate(email="searched@example.com", nickname=nickname))

    for q in queries:
        assert user.id in [one.id for one in await found(runtime, "email", 100, q=q)], q
