"""The limit: ASGI by hand on raw asyncpg. A token, a query, an envelope; no sessions, no log, no safety."""

import json
import os
from uuid import UUID

import asyncpg
import jwt
from uuid_utils import uuid7

SECRET = os.environ["BENCH_SECRET"]
AUDIENCE = "fastapi-users:auth"
QUERY = "SELECT id, email, nickname, is_active, email_verified, created_at, updated_at FROM users WHERE id = $1"
LIST_NOTES = "SELECT id, text FROM notes WHERE user_id = $1 ORDER BY id LIMIT 20"
INSERT_NOTE = "INSERT INTO notes (id, user_id, text) VALUES ($1, $2, $3) RETURNING id"
UPDATE_NOTE = "UPDATE notes SET text = $3 WHERE id = $1 AND user_id = $2 RETURNING id"
LONGEST = 500

pool: asyncpg.Pool


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["path"].startswith("/api/notes"):
        await notes(scope, receive, send)
        return
    user = await current_user(scope)
    if scope["path"] != "/api/users/me" or user is None:
        await answer(send, 401, {"code": "not_authenticated", "message": "Log in.", "data": None})
        return
    data = {
        "id": str(user["id"]),
        "email": user["email"],
        "nickname": user["nickname"],
        "is_active": user["is_active"],
        "email_verified": user["email_verified"],
        "created_at": user["created_at"].isoformat(),
        "updated_at": user["updated_at"].isoformat(),
    }
    await answer(send, 200, {"code": "ok", "message": "OK", "data": data})


async def notes(scope, receive, send):
    if (user_id := caller_id(scope)) is None:
        await answer(send, 401, {"code": "not_authenticated", "message": "Log in.", "data": None})
        return
    if scope["method"] == "GET":
        rows = await pool.fetch(LIST_NOTES, user_id)
        items = [{"id": str(row["id"]), "text": row["text"]} for row in rows]
        data = items if scope["path"] == "/api/notes/latest" else {"items": items[:20], "next_cursor": None}
        await answer(send, 200, {"code": "ok", "message": "OK", "data": data})
        return
    text = json.loads((await receive())["body"])["text"]
    if not isinstance(text, str) or len(text) > LONGEST:
        await answer(send, 422, {"code": "validation_error", "message": "Too long.", "data": None})
        return
    is_new = scope["method"] == "POST"
    note_id = uuid7() if is_new else UUID(scope["path"].rpartition("/")[2])
    async with pool.acquire() as connection, connection.transaction():
        found = await connection.fetchval(INSERT_NOTE if is_new else UPDATE_NOTE, UUID(int=note_id.int), user_id, text)
    if found is None:
        await answer(send, 404, {"code": "not_found", "message": "Not found.", "data": None})
        return
    data = {"id": str(note_id), "text": text}
    await answer(send, 201 if is_new else 200, {"code": "ok", "message": "OK", "data": data})


def caller_id(scope):
    token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    try:
        claims = jwt.decode(token.removeprefix(b"Bearer "), SECRET, algorithms=["HS256"], audience=AUDIENCE)
    except jwt.PyJWTError:
        return None
    return UUID(claims["sub"])


async def current_user(scope):
    user_id = caller_id(scope)
    return user_id and await pool.fetchrow(QUERY, user_id)


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


async def lifespan(receive, send):
    global pool  # noqa: PLW0603 - the simplest way, in an application by hand
    await receive()
    pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE"])
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await pool.close()
    await send({"type": "lifespan.shutdown.complete"})
