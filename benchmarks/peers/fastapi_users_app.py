"""fastapi-users, as its documentation sets it up; BENCH_STRATEGY chooses signed tokens (jwt) or rows (database)."""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyAccessTokenDatabase, SQLAlchemyBaseAccessTokenTableUUID
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SECRET = os.environ["BENCH_SECRET"]
LIFETIME_SECONDS = 3600

engine = create_async_engine(os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"))
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    __tablename__ = "fu_user"

    nickname: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    __tablename__ = "accesstoken"

    user_id: Mapped[UUID]


async def get_async_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_async_session)]


async def get_user_db(session: Session) -> AsyncIterator[SQLAlchemyUserDatabase]:
    yield SQLAlchemyUserDatabase(session, User)


async def get_access_token_db(session: Session) -> AsyncIterator[SQLAlchemyAccessTokenDatabase]:
    yield SQLAlchemyAccessTokenDatabase(session, AccessToken)


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_user_manager(user_db: Annotated[SQLAlchemyUserDatabase, Depends(get_user_db)]):
    yield UserManager(user_db)


def get_jwt_strategy() -> JWTStrategy:
    return JWTStrategy(secret=SECRET, lifetime_seconds=LIFETIME_SECONDS)


def get_database_strategy(
    tokens: Annotated[SQLAlchemyAccessTokenDatabase, Depends(get_access_token_db)],
) -> DatabaseStrategy:
    return DatabaseStrategy(tokens, lifetime_seconds=LIFETIME_SECONDS)


backend = AuthenticationBackend(
    name=os.environ["BENCH_STRATEGY"],
    transport=BearerTransport(tokenUrl="auth/login"),
    get_strategy={"jwt": get_jwt_strategy, "database": get_database_strategy}[os.environ["BENCH_STRATEGY"]],
)
fastapi_users = FastAPIUsers[User, UUID](get_user_manager, [backend])
CurrentUser = Annotated[User, Depends(fastapi_users.current_user(active=True))]


class UserRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    nickname: str | None
    is_active: bool
    email_verified: bool = Field(validation_alias="is_verified")
    created_at: datetime
    updated_at: datetime


class Envelope(BaseModel):
    code: str = "ok"
    message: str = "OK"
    data: UserRead
    request_id: str = Field(default_factory=lambda: str(uuid4()))


app = FastAPI()


@app.get("/api/users/me")
async def get_me(user: CurrentUser) -> Envelope:
    return Envelope(data=UserRead.model_validate(user))
