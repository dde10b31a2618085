"""The rows for every variant, and the tokens of the callers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.servers import SECRET
from modules.auth.models import ADMIN, Credential, LoginSession, UserRole
from modules.auth.passwords.hashing import PasswordHasher
from modules.auth.sessions.tokens import AccessTokens, RefreshTokens
from modules.auth.settings import Settings as AuthSettings
from modules.users import User
from shared.clock import utc_now
from shared.database.addresses import database_url
from shared.database.engines import create_engine
from shared.keys import KeyRing

USERS = 10_000
CALLERS = 1_000
"""The number of users who send requests: with few of them a cache would look better than it is."""

PASSWORD = "seven purple tractors sing"  # noqa: S105 - of rows that are dropped at the end
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
AUDIENCE = "fastapi-users:auth"
RARE = 55_555
"""The number of the one user in a hundred thousand who is not active."""

CHUNK = 5_000
# These servers do so by themselves sooner or later.
TIDYING = {"postgresql": "VACUUM ANALYZE", "mysql": "ANALYZE TABLE users"}
SALT = b"s" * 32


@dataclass(frozen=True)
class Caller:
    """A user with a session, and the row of the expected answer."""

    number: int

    @property
    def user_id(self) -> UUID:
        return row_id(self.number)

    @property
    def session_id(self) -> UUID:
        return row_id(self.number, "9")

    @property
    def email(self) -> str:
        return f"user{self.number:08d}@example.com"

    @property
    def row(self) -> dict[str, Any]:
        """`UserRead` as in JSON, except for the spelling of times."""
        user = user_row(self.number)
        fields = ("email", "nickname", "is_active", "email_verified", "created_at", "updated_at")
        return {"id": str(self.user_id)} | {field: user[field] for field in fields}


def callers(count: int = CALLERS, *, of: int = USERS) -> list[Caller]:
    """Some users, from all over the table."""
    return [Caller(number * (of // count)) for number in range(count)]


def row_id(number: int, family: str = "8") -> UUID:
    """A UUIDv7 that is the same in each run."""
    return UUID(f"{1_767_225_600_000 + number:012x}7000{family}000{number:012x}")


def user_row(number: int) -> dict[str, Any]:
    at = BEGINNING + timedelta(seconds=number)
    email = f"user{number:08d}@example.com"
    return {
        "id": row_id(number),
        "email": email,
        "email_key": email,
        "nickname": f"Nick {number}",
        "nickname_key": f"nick {number}",
        "locale": "en",
        "is_active": number % 100_000 != RARE,
        "email_verified": number % 2 == 0,
        "created_at": at,
        "updated_at": at,
    }


def seed(address: str, *, users: int = USERS, with_logins: bool = True) -> None:
    """Fill a migrated database: users, each with a password and a session. The first one is an administrator."""
    asyncio.run(_seed(address, users, with_logins=with_logins))


async def _seed(address: str, users: int, *, with_logins: bool) -> None:
    engine = create_engine(database_url(address))
    try:
        await _fill(engine, User, (user_row(number) for number in range(users)))
        logins = users if with_logins else 1
        password = await _password_hash()
        now = datetime.now(UTC)
        await _fill(engine, Credential, (_credential(number, password, now) for number in range(logins)))
        await _fill(engine, LoginSession, (_session(number, now) for number in range(logins)))
        await _fill(engine, UserRole, iter([{"user_id": row_id(0), "role_name": ADMIN}]))
        if (tidy := TIDYING.get(engine.dialect.name)) is not None:
            async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                await connection.exec_driver_sql(tidy)
    finally:
        await engine.dispose()


async def _fill(engine: AsyncEngine, model: Any, rows: Iterator[dict[str, Any]]) -> None:
    chunk: list[dict[str, Any]] = []
    async with engine.begin() as connection:
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                await connection.execute(insert(model.__table__), chunk)
                chunk = []
        if chunk:
            await connection.execute(insert(model.__table__), chunk)


async def _password_hash() -> str:
    """A hash at the default cost; one for all users, since each takes a quarter of a second."""
    hasher = PasswordHasher(bcrypt_cost(), queue=1)
    try:
        return await hasher.hash(PASSWORD)
    finally:
        hasher.close()


def bcrypt_cost() -> int:
    cost = AuthSettings.model_fields["bcrypt_cost"].default
    assert isinstance(cost, int)
    return cost


def _credential(number: int, password: str, now: datetime) -> dict[str, Any]:
    return {
        "user_id": row_id(number),
        "password_hash": password,
        "auth_version": 1,
        "must_change": False,
        "changed_at": now,
    }


def _session(number: int, now: datetime) -> dict[str, Any]:
    caller = Caller(number)
    return {
        "id": caller.session_id,
        "user_id": caller.user_id,
        "salt": SALT,
        "counter": 0,
        "auth_version": 1,
        "created_at": now,
        "auth_time": now,
        "last_refreshed_at": now,
        "idle_expires_at": now + timedelta(days=7),
        "absolute_expires_at": now + timedelta(days=30),
        "ip": "127.0.0.1",
        "user_agent": "benchmark",
    }


def access_tokens(some: list[Caller]) -> list[str]:
    """Tokens like those of a login, with the same lifetime: make them when a round begins."""
    tokens = AccessTokens(KeyRing((SECRET,)), AuthSettings(_env_file=None), utc_now)
    return [tokens.issue(caller.user_id, caller.session_id) for caller in some]


def refresh_token(caller: Caller) -> str:
    """The first one of the caller's session."""
    return RefreshTokens(keys=KeyRing((SECRET,))).issue(caller.session_id, 0, SALT)


def plain_tokens(some: list[Caller]) -> list[str]:
    """HS256 tokens with the claims that every peer reads."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iat": now, "exp": now + 3600, "aud": [AUDIENCE]}
    return [jwt.encode(claims | {"sub": str(caller.user_id)}, SECRET, "HS256") for caller in some]
