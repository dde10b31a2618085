"""Litestar with Advanced Alchemy, as their documentation sets them up; the caller is the token, no row is read."""

import os
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar
from uuid import UUID, uuid4

from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    base,
    filters,
    providers,
    repository,
    service,
)
from litestar import Litestar, Request, get, post, put
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.security.jwt import JWTAuth, Token
from msgspec import Meta
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

alchemy_config = SQLAlchemyAsyncConfig(
    connection_string=os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"),
    session_config=AsyncSessionConfig(expire_on_commit=False),
    before_send_handler="autocommit",
)
T = TypeVar("T")


class Note(base.DefaultBase):
    __tablename__ = "notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID]
    text: Mapped[str]


class NoteService(service.SQLAlchemyAsyncRepositoryService[Note]):
    class Repo(repository.SQLAlchemyAsyncRepository[Note]):
        model_type = Note

    repository_type = Repo


@dataclass
class NoteCreate:
    text: Annotated[str, Meta(max_length=500)]


@dataclass
class NoteRead:
    id: UUID
    text: str


@dataclass
class NotePage:
    items: list[NoteRead]
    next_cursor: str | None = None


@dataclass
class Envelope(Generic[T]):
    data: T
    code: str = "ok"
    message: str = "OK"
    request_id: str = field(default_factory=lambda: str(uuid4()))


NotesRequest = Request[UUID, Token, dict]
NOTES = {"notes": providers.create_service_provider(NoteService)}


async def latest(notes: NoteService, user_id: UUID, limit: int) -> list[NoteRead]:
    found = await notes.list(filters.LimitOffset(limit, 0), filters.OrderBy("id"), user_id=user_id)
    return [NoteRead(note.id, note.text) for note in found]


@get("/api/notes", dependencies=NOTES)
async def list_notes(request: NotesRequest, notes: NoteService) -> Envelope[NotePage]:
    return Envelope(NotePage((await latest(notes, request.user, 21))[:20]))


@get("/api/notes/latest", dependencies=NOTES)
async def list_latest_notes(request: NotesRequest, notes: NoteService) -> Envelope[list[NoteRead]]:
    return Envelope(await latest(notes, request.user, 20))


@post("/api/notes", dependencies=NOTES)
async def write_note(request: NotesRequest, notes: NoteService, data: NoteCreate) -> Envelope[NoteRead]:
    note = await notes.create({"user_id": request.user, "text": data.text})
    return Envelope(NoteRead(note.id, note.text))


@put("/api/notes/{note_id:uuid}", dependencies=NOTES)
async def replace_note(
    request: NotesRequest, notes: NoteService, note_id: UUID, data: NoteCreate
) -> Envelope[NoteRead]:
    note = await notes.get_one_or_none(id=note_id, user_id=request.user)
    if note is None:
        raise NotFoundException
    note.text = data.text
    await notes.repository.session.flush()
    return Envelope(NoteRead(note.id, note.text))


async def retrieve_user(token: Token, _connection: ASGIConnection) -> UUID:
    return UUID(token.sub)


jwt_auth = JWTAuth[UUID](
    retrieve_user_handler=retrieve_user,
    token_secret=os.environ["BENCH_SECRET"],
    accepted_audiences=["fastapi-users:auth"],
)
app = Litestar(
    [list_notes, list_latest_notes, write_note, replace_note],
    on_app_init=[jwt_auth.on_app_init],
    plugins=[SQLAlchemyPlugin(config=alchemy_config)],
)
