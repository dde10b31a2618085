"""CORS: which origins' pages may call the API from a browser, and what they may send and read."""

import re
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, cast

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import PermissionDenied
from shared.http.exception_handlers import failure_response

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "X-Request-ID",
    "X-Requested-With",
    "Idempotency-Key",
    "Last-Event-ID",
    *("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"),
    # Tracing in browsers adds these to every call (W3C Trace Context and Baggage, Sentry).
    *("traceparent", "tracestate", "baggage", "sentry-trace"),
)
RESPONSE_HEADERS = ("X-Request-ID", "Retry-After", "ETag", "Location", "Content-Disposition")

# The development server of a front end, on any port: Vite uses 5173, Next.js 3000.
LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
LONGEST_QUOTE = 100


class Origins:
    """The allowed origins: those that are listed, and in development those of this machine."""

    def __init__(self, listed: Sequence[str], *, are_local_welcome: bool = False) -> None:
        self._listed = frozenset(listed)
        self._are_local_welcome = are_local_welcome

    def __contains__(self, origin: object) -> bool:
        return origin in self._listed or (self._are_local_welcome and LOCAL_ORIGIN.fullmatch(str(origin)) is not None)

    def __bool__(self) -> bool:
        return bool(self._listed) or self._are_local_welcome


class CrossOriginMiddleware(CORSMiddleware):
    """CORS with refusals in the envelope, which name the missing setting."""

    def __init__(
        self, app: ASGIApp, *, origins: Origins, headers: Sequence[str] = (), exposed: Sequence[str] = ()
    ) -> None:
        super().__init__(
            app,
            allow_methods=METHODS,
            allow_headers=(*REQUEST_HEADERS, *headers),
            expose_headers=(*RESPONSE_HEADERS, *exposed),
        )
        self._origins = origins
        self._allows_any_origin = bool(origins)

    def is_allowed_origin(self, origin: str) -> bool:
        return origin in self._origins

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if self._allows_any_origin or (scope["type"] == "http" and scope["method"] == "OPTIONS"):
            return super().__call__(scope, receive, send)
        # No origin is allowed, so there are no headers to add.
        return cast("Coroutine[Any, Any, None]", self.app(scope, receive, send))

    async def simple_response(self, scope: Scope, receive: Receive, send: Send, request_headers: Headers) -> None:
        if self._allows_any_origin:
            await super().simple_response(scope, receive, send, request_headers)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:  # noqa: PLR2004 - OK
            return answer
        # An allowed origin is told what it may do. For others only Vary remains: caches must not mix their answers.
        told = "access-control-" if request_headers["origin"] in self._origins else "vary"
        kept = {name: value for name, value in answer.headers.items() if name.startswith(("vary", told))}
        return failure_response(self._refusal(request_headers, kept))

    def _refusal(self, sent: Headers, headers: Mapping[str, str]) -> PermissionDenied:
        if (origin := sent["origin"]) not in self._origins:
            return PermissionDenied(
                "Pages of {origin} may not call this API; list their origin in CORS_ORIGINS.",
                params={"origin": _quoted(origin)},
                headers=headers,
            )
        if (method := sent["access-control-request-method"]) not in self.allow_methods:
            return PermissionDenied(
                "Pages of other origins may not use the method {method}.",
                params={"method": _quoted(method)},
                headers=headers,
            )
        asked = [name.strip() for name in sent.get("access-control-request-headers", "").split(",")]
        if refused := [name for name in asked if name and name.lower() not in self.allow_headers]:
            return PermissionDenied(
                "Pages of other origins may not send {headers}; a module lists headers of its own as cors_headers in "
                "its module.py.",
                params={"headers": _quoted(", ".join(refused))},
                headers=headers,
            )
        return PermissionDenied("Pages on the internet may not call an API in a private network.", headers=headers)


def _quoted(text: str) -> str:
    return ascii(text[:LONGEST_QUOTE])
