"""Checks the host under which the API is reached, and the origin of pages that open its websockets."""

import re
from collections.abc import Awaitable, Container, Sequence

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import BadRequest, PermissionDenied
from shared.middleware.refusal import refuse

log = structlog.get_logger("access")

# RFC 9110 7.2, and RFC 3986 without characters that occur in no host name or address.
WELL_FORMED_HOST = re.compile(r"(?P<name>[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])\.?(:[0-9]{0,5})?")
LONGEST_HOST = 261  # a name of 255 and a port


class HostMiddleware:
    """Refuses a Host header that is malformed or not allowed.

    Also refuses a websocket that a page of another origin opens, as browsers do not apply CORS to websockets.
    """

    def __init__(
        self, app: ASGIApp, *, allowed_hosts: Sequence[str] = (), allowed_origins: Container[str] = ()
    ) -> None:
        self.app = app
        self._origins = allowed_origins
        self._names = frozenset(allowed_hosts)
        self._suffixes = tuple(host.removeprefix("*") for host in allowed_hosts if host.startswith("*"))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] not in {"http", "websocket"}:
            return self.app(scope, receive, send)
        if not self._accepts([value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]):
            return refuse(BadRequest("The Host header is not valid here."), scope, receive, send)
        if scope["type"] == "websocket" and not self._welcomes(headers := Headers(scope=scope)):
            log.warning("origin_refused", path=scope["path"], origin=headers.getlist("origin"))
            return refuse(PermissionDenied("Pages of this origin may not connect."), scope, receive, send)
        return self.app(scope, receive, send)

    def _accepts(self, sent: list[str]) -> bool:
        if not sent:  # HTTP/1.0, a health check perhaps
            return not self._names
        host = WELL_FORMED_HOST.fullmatch(sent[0]) if len(sent) == 1 and len(sent[0]) <= LONGEST_HOST else None
        if host is None:
            return False
        name = host["name"].lower()
        return not self._names or name in self._names or name.endswith(self._suffixes)

    def _welcomes(self, headers: Headers) -> bool:
        """True for an allowed Origin, and for none: only browsers send it."""
        sent = headers.getlist("origin")
        # Behind a proxy that ends TLS the scheme is uncertain; the host is enough to recognise a page of our own.
        own = {f"{scheme}://{headers.get('host', '').lower()}" for scheme in ("http", "https")}
        return not sent or (len(sent) == 1 and (sent[0] in self._origins or sent[0].lower() in own))
