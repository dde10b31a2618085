"""An OpenAPI document with every answer of the service, in a form that generators of clients understand."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from pydantic_settings import BaseSettings

from shared.access.entries import RouteEntry
from shared.access.markers import AuthenticatedOr
from shared.access.table import AccessTable
from shared.assembly.garbage_collection import collection_paused
from shared.assembly.openapi.failures import FailureSchemas, describe_failure
from shared.assembly.openapi.headers import HEADERS, headers_of
from shared.assembly.openapi.schemas import tidy
from shared.errors import (
    AppError,
    BadRequest,
    Conflict,
    HeadTooLarge,
    InternalError,
    NotAuthenticated,
    PayloadTooLarge,
    PermissionDenied,
    RequestTimeout,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from shared.http.stated_failures import StatedFailure

SECURITY_SCHEME = "bearer"
LICENCE = {"name": "MIT", "identifier": "MIT"}
# Relative to the document's address: the service does not know under which names it is reached.
SERVERS: list[dict[str, Any]] = [{"url": "/", "description": "The server of this document."}]
FRAMEWORKS_DESCRIPTION = "Successful Response"
SUCCESSES = {
    "200": "Success; `code` is `ok`.",
    "201": "Created; `data` is the new resource.",
    "202": "Accepted; it will be done soon.",
}
SAFE_METHODS = frozenset({"get", "head", "options"})


Errors = tuple[type[AppError], ...]


def describe_truthfully(
    app: FastAPI, table: AccessTable, settings: Iterable[BaseSettings] = (), denials: Errors = ()
) -> None:
    """Make `app.openapi()` complete. The document is made once, at the first call.

    Args:
        settings: The current settings, for bounds that depend on them.
        denials: The failures that the authenticator may set in place of PermissionDenied.
    """
    entries = {(entry.path, method.lower()): entry for entry in table.routes for method in entry.methods}
    in_force = {name: value for one in settings for name, value in _by_variable(one)}
    draft = app.openapi

    def openapi() -> dict[str, Any]:
        document = app.openapi_schema
        if document is None:
            with collection_paused():
                document = draft()
                _complete(document, entries, in_force, (PermissionDenied, *denials))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _by_variable(settings: BaseSettings) -> Iterator[tuple[str, Any]]:
    prefix = settings.model_config.get("env_prefix", "")
    yield from ((f"{prefix}{name}".upper(), value) for name, value in settings)


def _complete(
    document: dict[str, Any],
    entries: Mapping[tuple[str, str], RouteEntry],
    settings: Mapping[str, Any],
    denials: Errors,
) -> None:
    document.setdefault("components", {}).setdefault("schemas", {})
    failure_schemas = FailureSchemas(document["components"]["schemas"])
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            entry = entries[path, method]
            errors = _failures_by_status(operation, method, entry, denials if entry.permissions else ())
            _complete_operation(operation, entry, errors, failure_schemas)
    document["components"]["headers"] = HEADERS
    document["components"]["securitySchemes"] = {
        SECURITY_SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of a login.",
        }
    }
    tidy(document, settings)


def _complete_operation(
    operation: dict[str, Any], entry: RouteEntry, failures: dict[str, list[type[AppError]]], schemas: FailureSchemas
) -> None:
    operation["security"] = _security_of(entry)
    if entry.permissions:
        names = [f"`{name}`" for name in sorted(entry.permissions)]
        needed = f"Requires the permission{'s' if len(names) > 1 else ''} {' and '.join(names)}."
        operation["description"] = "\n\n".join(filter(None, [operation.get("description"), needed]))
    responses = operation["responses"]
    for status, response in responses.items():
        if response["description"] == FRAMEWORKS_DESCRIPTION:
            response["description"] = SUCCESSES.get(status, FRAMEWORKS_DESCRIPTION)
    for status, errors in failures.items():
        responses[status] = describe_failure(errors, schemas, responses.get(status, {}))
    for status, response in responses.items():
        response["headers"] = headers_of(status) | response.get("headers", {})
    operation["responses"] = dict(sorted(responses.items()))


def _security_of(entry: RouteEntry) -> list[dict[str, list[str]]]:
    if entry.is_public:
        return []
    token: dict[str, list[str]] = {SECURITY_SCHEME: []}
    # An empty requirement makes the token optional.
    return [token, {}] if isinstance(entry.marker, AuthenticatedOr) else [token]


def _failures_by_status(
    operation: dict[str, Any], method: str, entry: RouteEntry, denials: Errors
) -> dict[str, list[type[AppError]]]:
    """The route's own failures first, then those of the middleware around it."""
    stated = getattr(entry.context, "responses", None) or {}
    own = [error for one in stated.values() if isinstance(one, StatedFailure) for error in one.errors]
    # FastAPI's own shape of a 422, which this service never sends.
    takes_input = operation["responses"].pop(str(ValidationFailed.status), None) or "parameters" in operation
    by_status: dict[str, list[type[AppError]]] = {}
    general = _general(method, entry, has_body="requestBody" in operation, takes_input=bool(takes_input))
    for error in (*own, *general, *denials):
        group = by_status.setdefault(str(error.status), [])
        if error not in group:
            group.append(error)
    return by_status


def _general(method: str, entry: RouteEntry, *, has_body: bool, takes_input: bool) -> Iterator[type[AppError]]:
    yield BadRequest
    if not entry.is_public:
        yield NotAuthenticated
    if method not in SAFE_METHODS:
        yield Conflict
        if entry.is_public or isinstance(entry.marker, AuthenticatedOr):
            yield TooManyRequests
    if has_body:
        yield from (RequestTimeout, PayloadTooLarge, UnsupportedMediaType)
    if has_body or takes_input:
        yield ValidationFailed
    yield from (HeadTooLarge, InternalError, Unavailable)
