"""The headers that every answer has, and those that belong to a status."""

from typing import Any

from shared.http.envelope import EXAMPLE_ID

HEADERS: dict[str, Any] = {
    "X-Request-ID": {
        "description": "Names this request, in the log too. A well-formed one that the client sends is kept.",
        "schema": {"type": "string"},
        "example": EXAMPLE_ID,
    },
    "Retry-After": {
        "description": "How many seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 60,
    },
    "WWW-Authenticate": {
        "description": "How to authenticate, and what is wrong with the token if one was sent (RFC 6750).",
        "schema": {"type": "string"},
        "example": "Bearer",
    },
    "Location": {
        "description": "The path of the new resource.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/api/users/{EXAMPLE_ID}",
    },
}
_OF_STATUS = {
    "201": ("Location",),
    "401": ("WWW-Authenticate",),
    "403": ("WWW-Authenticate",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}


def headers_of(status: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", *_OF_STATUS.get(status, ()))}
