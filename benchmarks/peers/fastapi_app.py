"""FastAPI, as its documentation sets it up: a bearer token, a session by `yield`, the ORM, response models."""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Generic, TypeVar
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

engine = create_async_engine(os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"))
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="token")
T = TypeVar("T")


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(String(500))


class NoteCreate(BaseModel):
    text: Annotated[str, Field(max_length=500)]


class NoteRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    text: str


class Envelope(BaseModel, Generic[T]):
    code: str = "ok"
    message: str = "OK"
    data: T
    request_id: UUID = Field(default_factory=uuid4)


class NotePage(BaseModel):
    items: list[NoteRead]
    next_cursor: str | None = None


async def get_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


async def get_user_id(token: Annotated[str, Depends(bearer)]) -> UUID:
    try:
        claims = jwt.decode(token, os.environ["BENCH_SECRET"], algorithms=["HS256"], audience="fastapi-users:auth")
    except jwt.PyJWTError:
        raise HTTPException(401) from None
    return UUID(claims["sub"])


Session = Annotated[AsyncSession, Depends(get_session)]
UserId = Annotated[UUID, Depends(get_user_id)]


@app.get("/api/notes")
async def list_notes(user_id: UserId, session: Session) -> Envelope[NotePage]:
    notes = await session.scalars(select(Note).where(Note.user_id == user_id).order_by(Note.id).limit(21))
    return Envelope(data=NotePage(items=[NoteRead.model_validate(note) for note in notes.all()[:20]]))


@app.get("/api/notes/latest")
async def list_latest_notes(user_id: UserId, session: Session) -> Envelope[list[NoteRead]]:
    notes = await session.scalars(select(Note).where(Note.user_id == user_id).order_by(Note.id).limit(20))
    return Envelope(data=[NoteRead.model_validate(note) for note in notes])


@app.post("/api/notes", status_code=201)
async def write_note(data: NoteCreate, user_id: UserId, session: Session) -> Envelope[NoteRead]:
    note = Note(user_id=user_id, text=data.text)
    session.add(note)
    await session.commit()
    return Envelope(data=NoteRead.model_validate(note))


@app.put("/api/notes/{note_id}")
async def replace_note(note_id: UUID, data: NoteCreate, user_id: UserId, session: Session) -> Envelope[NoteRead]:
    note = await session.scalar(select(Note).where(Note.id == note_id, Note.user_id == user_id))
    if note is None:
        raise HTTPException(404)
    note.text = data.text
    await session.commit()
    return Envelope(data=NoteRead.model_validate(note))
