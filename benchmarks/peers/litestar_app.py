"""Litestar with Advanced Alchemy, as their documentation sets them up: JWTAuth, the SQLAlchemy plugin, a service."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    base,
    repository,
    service,
)
from litestar import Litestar, Request, get
from litestar.connection import ASGIConnection
from litestar.security.jwt import JWTAuth, Token
from sqlalchemy import DateTime
from sqlalchemy.orm import Mapped, mapped_column

alchemy_config = SQLAlchemyAsyncConfig(
    connection_string=os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"),
    session_config=AsyncSessionConfig(expire_on_commit=False),
)


class User(base.DefaultBase):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    nickname: Mapped[str | None]
    is_active: Mapped[bool]
    email_verified: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class UserService(service.SQLAlchemyAsyncRepositoryService[User]):
    class Repo(repository.SQLAlchemyAsyncRepository[User]):
        model_type = User

    repository_type = Repo


@dataclass
class UserRead:
    id: UUID
    email: str
    nickname: str | None
    is_active: bool
    email_verified: bool
    created_at: datetime
    updated_at: datetime


@dataclass
class Envelope:
    data: UserRead
    code: str = "ok"
    message: str = "OK"
    request_id: str = field(default_factory=lambda: str(uuid4()))


async def retrieve_user(token: Token, connection: ASGIConnection) -> User | None:
    session = alchemy_config.provide_session(connection.app.state, connection.scope)
    return await UserService(session=session).get_one_or_none(id=UUID(token.sub))


@get("/api/users/me")
async def get_me(request: Request[User, Token, dict]) -> Envelope:
    user = request.user
    data = UserRead(
        id=user.id,
        email=user.email,
        nickname=user.nickname,
        is_active=user.is_active,
        email_verified=user.email_verified,
        created_at=user.created_at,
        updated_at=user.updated_at,
    )
    return Envelope(data)


jwt_auth = JWTAuth[User](retrieve_user_handler=retrieve_user, token_secret=os.environ["BENCH_SECRET"])

app = Litestar([get_me], on_app_init=[jwt_auth.on_app_init], plugins=[SQLAlchemyPlugin(config=alchemy_config)])
