"""Answers from middleware, which has no exception handler around it."""

from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from shared.http.exception_handlers import failure_response


async def refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the failure, in middleware that no exception handler surrounds."""
    response = failure_response(error)
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    websocket = WebSocket(scope, receive, send)
    await receive()  # the handshake, which must come before the answer
    if "websocket.http.response" in scope.get("extensions", {}):
        await websocket.send_denial_response(response)
    else:
        await send({"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION})
