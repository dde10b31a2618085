"""Refuses a session in websockets and streams: it would hold a connection, or be closed when it is used."""

import inspect
from collections.abc import Iterable
from typing import Any, get_args

from fastapi.dependencies.utils import get_typed_return_annotation
from fastapi.routing import RouteContext
from starlette.responses import StreamingResponse
from starlette.routing import WebSocketRoute

from shared.database.sessions import open_session
from shared.module import ModuleError

WHAT_TO_DO = (
    "Ask for `Sessions` from shared.database in its place, and open one for each short piece of work: "
    "`async with sessions.transaction() as session`, or `sessions.read()`."
)


def refuse_session(context: RouteContext, where: str, calls: Iterable[Any]) -> None:
    """`calls` are all functions that FastAPI calls for the route: its dependencies, and theirs.

    Raises:
        ModuleError: The route stays open, and asks for the session of a request.
    """
    endpoint = getattr(context, "endpoint", None)
    kind = _kind(context, endpoint)
    if kind is None or not any(call is open_session for call in calls):
        return
    package = str(getattr(endpoint, "__module__", "")).split(".")
    name = getattr(endpoint, "__qualname__", repr(endpoint))
    raise ModuleError(
        f"module {package[1 if len(package) > 1 else 0]!r}: {where}: the function {name} is {kind}, and asks for a "
        "Session, itself or through a dependency. A request's session ends before its answer begins; a websocket would "
        f"keep a connection, and on SQLite every writer, waiting until it is closed. {WHAT_TO_DO}"
    )


def _kind(context: RouteContext, endpoint: Any) -> str | None:
    if isinstance(context.original_route, WebSocketRoute):
        return "a websocket"
    written = inspect.unwrap(endpoint) if callable(endpoint) else endpoint
    if inspect.isasyncgenfunction(written) or inspect.isgeneratorfunction(written):
        return "a stream"
    response_class = getattr(context, "response_class", None)
    declared = [getattr(response_class, "value", response_class)]
    if inspect.isfunction(written):
        annotation = get_typed_return_annotation(written)
        declared += [annotation, *get_args(annotation)]
    is_stream = any(isinstance(one, type) and issubclass(one, StreamingResponse) for one in declared)
    return "a stream" if is_stream else None
