"""Who may do what, worked out a second time: from the OpenAPI document and a list, by none of the code that decides."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI

from shared.access.table import AccessTable

PARAMETER = re.compile(r"{(?P<name>\w+)(?P<rest>:path)?}")
REQUIREMENT = re.compile(r"Requires the permissions? (?P<names>`[^`]+`( and `[^`]+`)*)\.")

# What becomes of a request at the door: it passes, or is refused with this code.
OPEN = "open"
NOT_AUTHENTICATED = "not_authenticated"
PERMISSION_DENIED = "permission_denied"
NOT_FOUND = "not_found"
METHOD_NOT_ALLOWED = "method_not_allowed"

STATUS = {NOT_AUTHENTICATED: 401, PERMISSION_DENIED: 403, NOT_FOUND: 404, METHOD_NOT_ALLOWED: 405}

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE")
WEBSOCKET = "WEBSOCKET"
ANYTHING = "MOUNT"


@dataclass(frozen=True)
class Door:
    """One method of one path. A mount opens for every method, and for websockets."""

    method: str
    path: str
    is_public: bool
    permissions: frozenset[str] = frozenset()
    answers_not_found: bool = False
    """Whether the endpoint itself may answer `not_found`, as its operation in the document says."""

    @cached_property
    def parameters(self) -> list[str]:
        return [match["name"] for match in PARAMETER.finditer(self.path)]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        text, end = "", 0
        for match in PARAMETER.finditer(self.path):
            text += re.escape(self.path[end : match.start()]) + (".*" if match["rest"] else "[^/]+")
            end = match.end()
        return re.compile(text + re.escape(self.path[end:]))

    def filled(self, values: Mapping[str, str]) -> str:
        return PARAMETER.sub(lambda match: values[match["name"]], self.path)

    def opens_for(self, permissions: Container[str] | None) -> str:
        """`permissions` are the caller's; None without a good token."""
        if self.is_public:
            return OPEN
        if permissions is None:
            return NOT_AUTHENTICATED
        return OPEN if all(one in permissions for one in self.permissions) else PERMISSION_DENIED


def doors_of(app: FastAPI, public: Container[str]) -> list[Door]:
    """Every door, as the document describes it; what it does not describe is public, a websocket or a mount.

    And where GET is, HEAD is.
    """
    doors = [
        Door(
            method.upper(),
            path,
            f"{method.upper()} {path}" in public,
            permissions_of(operation),
            answers_not_found=NOT_FOUND in codes_of(operation, "404"),
        )
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
    described = {(door.method, door.path) for door in doors}
    table: AccessTable = app.state.access
    for rule in table.routes:
        for method in sorted(rule.methods) or [_kind(rule.context.original_route)]:
            if (method, rule.path) not in described:
                path = f"{rule.path}/{{inside:path}}" if method == ANYTHING else rule.path
                is_public = f"{'GET' if method == 'HEAD' else method} {rule.path}" in public
                doors.append(Door(method, path, is_public, rule.permissions))
    with_head = {door.path for door in doors if door.method == "HEAD"}
    heads = [replace(door, method="HEAD") for door in doors if door.method == "GET" and door.path not in with_head]
    return doors + heads


def permissions_of(operation: Mapping[str, Any]) -> frozenset[str]:
    """Those that the document says a caller needs."""
    match = REQUIREMENT.search(operation.get("description", ""))
    return frozenset(re.findall("`([^`]+)`", match["names"])) if match else frozenset()


def codes_of(operation: Mapping[str, Any], status: str) -> Container[str]:
    """The codes that the document has an example of."""
    content = operation["responses"].get(status, {}).get("content", {})
    codes: Container[str] = content.get("application/json", {}).get("examples", {}).keys()
    return codes


def _kind(route: object) -> str:
    return WEBSOCKET if "WebSocket" in type(route).__name__ else ANYTHING


def doors_at(doors: Iterable[Door], target: str) -> list[Door]:
    """Those that this target leads to, for whatever method."""
    path = unquote(target.partition("?")[0])
    if path.endswith("\n"):
        return []
    matching = [door for door in doors if door.pattern.fullmatch(path)]
    # A path that is written out is none of a template's.
    return [door for door in matching if not door.parameters] or matching


def verdict(doors: Iterable[Door], method: str, permissions: Container[str] | None) -> str:
    """What must become of a request, by the doors that its target leads to."""
    # Websockets and the methods of HTTP know nothing of each other.
    others = METHODS if method == WEBSOCKET else (WEBSOCKET,)
    possible = [door for door in doors if door.method not in others]
    serving = [door for door in possible if door.method in {method, ANYTHING}]
    if serving:
        return min(serving, key=lambda door: len(door.parameters)).opens_for(permissions)
    if any(door.is_public for door in possible):
        return METHOD_NOT_ALLOWED
    if permissions is None:
        return NOT_AUTHENTICATED
    return METHOD_NOT_ALLOWED if possible else NOT_FOUND


def spellings(path: str) -> Iterator[str]:
    """The path itself, and what somebody may write to be taken for somebody who asks for another one."""
    letter = next((character for character in path if character.isalpha()), "a")
    once = path.replace(letter, f"%{ord(letter):02x}", 1)
    yield from {
        path: None,
        once: None,
        "/" + path[1:].replace("/", "%2f"): None,
        once.replace("%", "%25"): None,
        f"/{path}": None,
        f"{path}/": None,
        f"{path}%2f": None,
        path.upper(): None,
        path[:-1] + path[-1].upper(): None,
        f"{path}%0a": None,
        f"{path}%0d%0a": None,
        f"{path}%00": None,
        f"{path}%20": None,
        f"{path}.": None,
        f"{path}..": None,
        f"{path};x": None,
        f"{path};/api/health": None,
        f"{path}?/api/health": None,
        f"{path}%3f": None,
        f"{path}%23": None,
        f"/.{path}": None,
        f"/api/..{path}": None,
        f"/api/health/..{path}": None,
        f"/api/health/..%2f{path[1:]}": None,
        f"/api/health%2f..{path}": None,
        f"/api/health/%2e%2e{path}": None,
        f"/api/health;{path}": None,
        "/" + path[1:].replace("/", "\\"): None,
        # As a parser without a host of its own to strip hands an absolute target on.
        f"http://test{path}": None,
        f"http://evil.test{path}": None,
    }
