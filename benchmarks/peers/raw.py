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

pool: asyncpg.Pool


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
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


async def current_user(scope):
    token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    try:
        claims = jwt.decode(token.removeprefix(b"Bearer "), SECRET, algorithms=["HS256"], audience=AUDIENCE)
    except jwt.PyJWTError:
        return None
    return await pool.fetchrow(QUERY, UUID(claims["sub"]))


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
    global pool  # noqa: PLW0603 - by hand is by hand
    await receive()
    pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE"])
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await pool.close()
    await send({"type": "lifespan.shutdown.complete"})
