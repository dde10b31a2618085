"""The limit on SQLite: ASGI by hand on aiosqlite, with as many readers as a pool has, and one writer."""

import asyncio
import json
import os
from datetime import UTC, datetime
from uuid import UUID

import aiosqlite
import jwt
from uuid_utils import uuid7

SECRET = os.environ["BENCH_SECRET"]
AUDIENCE = "fastapi-users:auth"
FILE = os.environ["BENCH_DATABASE"].removeprefix("sqlite:///")
READERS = 5
FIELDS = "id, email, nickname, is_active, email_verified, created_at, updated_at"
READ = f"SELECT {FIELDS} FROM users WHERE id = ?"
WRITE = f"UPDATE users SET nickname = ?, updated_at = ? WHERE id = ? RETURNING {FIELDS}"
TIMES = "%Y-%m-%d %H:%M:%S.%f"

readers: asyncio.Queue[aiosqlite.Connection]
writer: aiosqlite.Connection
writing: asyncio.Lock


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    user_id = caller(scope)
    if scope["path"] != "/api/users/me" or user_id is None:
        await answer(send, 401, {"code": "not_authenticated", "message": "Log in.", "data": None})
        return
    if scope["method"] == "PATCH":
        row = await write(user_id, json.loads((await receive())["body"])["nickname"])
    else:
        row = await read(user_id)
    if row is None:
        await answer(send, 401, {"code": "not_authenticated", "message": "Log in.", "data": None})
        return
    data = {
        "id": str(UUID(row[0])),
        "email": row[1],
        "nickname": row[2],
        "is_active": bool(row[3]),
        "email_verified": bool(row[4]),
        "created_at": f"{row[5].replace(' ', 'T')}Z",
        "updated_at": f"{row[6].replace(' ', 'T')}Z",
    }
    await answer(send, 200, {"code": "ok", "message": "OK", "data": data})


def caller(scope):
    token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    try:
        claims = jwt.decode(token.removeprefix(b"Bearer "), SECRET, algorithms=["HS256"], audience=AUDIENCE)
    except jwt.PyJWTError:
        return None
    return UUID(claims["sub"]).hex


async def read(user_id):
    connection = await readers.get()
    try:
        async with connection.execute(READ, (user_id,)) as cursor:
            return await cursor.fetchone()
    finally:
        readers.put_nowait(connection)


async def write(user_id, nickname):
    async with writing:
        await writer.execute("BEGIN IMMEDIATE")
        async with writer.execute(WRITE, (nickname, datetime.now(UTC).strftime(TIMES), user_id)) as cursor:
            row = await cursor.fetchone()
        await writer.execute("COMMIT")
        return row


async def answer(send, status, envelope):
    request_id = str(uuid7())
    body = json.dumps(envelope | {"request_id": request_id}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def connect():
    connection = await aiosqlite.connect(FILE, isolation_level=None, timeout=30)
    await connection.execute("PRAGMA journal_mode=WAL")
    await connection.execute("PRAGMA synchronous=FULL")
    return connection


async def lifespan(receive, send):
    global readers, writer, writing
    await receive()
    readers, writer, writing = asyncio.Queue(), await connect(), asyncio.Lock()
    for _ in range(READERS):
        readers.put_nowait(await connect())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for _ in range(READERS):
        await (await readers.get()).close()
    await writer.close()
    await send({"type": "lifespan.shutdown.complete"})
