"""An OpenAPI document that says what the service really answers, in a form that generators of clients understand."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from pydantic_settings import BaseSettings

from shared.access import AuthenticatedOr
from shared.access_rules import Rule
from shared.access_table import AccessTable
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
from shared.memory import collection_paused
from shared.openapi_failures import FailureSchemas, StatedFailure, describe_failure
from shared.openapi_headers import HEADERS, headers_of
from shared.openapi_schemas import tidy

SECURITY_SCHEME = "bearer"
LICENCE = {"name": "MIT", "identifier": "MIT"}
# Relative to where the document was found: the service does not know under which names it is reached.
SERVERS: list[dict[str, Any]] = [{"url": "/", "description": "Where this document comes from."}]
FRAMEWORKS_DESCRIPTION = "Successful Response"
SUCCESSES = {
    "200": "It is done; `code` is `ok`.",
    "201": "It is made; `data` is how it looks now.",
    "202": "It is accepted, and done soon.",
}
SAFE_METHODS = frozenset({"get", "head", "options"})


def failures(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides success: `@router.post("", responses=failures(EmailTaken))`.

    What any route may answer (401, 403, 422, 500, ...) is added by itself.
    """
    by_status: dict[int | str, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {status: StatedFailure(group) for status, group in by_status.items()}


Errors = tuple[type[AppError], ...]


def describe_truthfully(
    app: FastAPI, table: AccessTable, settings: Iterable[BaseSettings] = (), denials: Errors = ()
) -> None:
    """Make `app.openapi()` complete. The document is made once, at the first call.

    Args:
        settings: Those that are in force, for bounds that depend on them.
        denials: What the authenticator may answer in place of PermissionDenied.
    """
    rules = {(rule.path, method.lower()): rule for rule in table.rules for method in rule.methods}
    in_force = {name: value for one in settings for name, value in _by_variable(one)}
    draft = app.openapi

    def openapi() -> dict[str, Any]:
        document = app.openapi_schema
        if document is None:
            with collection_paused():
                document = draft()
                _complete(document, rules, in_force, (PermissionDenied, *denials))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _by_variable(settings: BaseSettings) -> Iterator[tuple[str, Any]]:
    prefix = settings.model_config.get("env_prefix", "")
    yield from ((f"{prefix}{name}".upper(), value) for name, value in settings)


def _complete(
    document: dict[str, Any], rules: Mapping[tuple[str, str], Rule], settings: Mapping[str, Any], denials: Errors
) -> None:
    document.setdefault("components", {}).setdefault("schemas", {})
    failure_schemas = FailureSchemas(document["components"]["schemas"])
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            rule = rules[path, method]
            errors = _failures_by_status(operation, method, rule, denials if rule.permissions else ())
            _complete_operation(operation, rule, errors, failure_schemas)
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
    operation: dict[str, Any], rule: Rule, failures: dict[str, list[type[AppError]]], schemas: FailureSchemas
) -> None:
    operation["security"] = _security_of(rule)
    if rule.permissions:
        names = [f"`{name}`" for name in sorted(rule.permissions)]
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


def _security_of(rule: Rule) -> list[dict[str, list[str]]]:
    if rule.is_public:
        return []
    token: dict[str, list[str]] = {SECURITY_SCHEME: []}
    # An empty requirement says that it goes without a token, too.
    return [token, {}] if isinstance(rule.marker, AuthenticatedOr) else [token]


def _failures_by_status(
    operation: dict[str, Any], method: str, rule: Rule, denials: Errors
) -> dict[str, list[type[AppError]]]:
    """The route's own failures first, then those that the layers around it may answer."""
    stated = getattr(rule.context, "responses", None) or {}
    own = [error for one in stated.values() if isinstance(one, StatedFailure) for error in one.errors]
    # FastAPI's own shape of a 422, which this service never sends.
    takes_input = operation["responses"].pop(str(ValidationFailed.status), None) or "parameters" in operation
    by_status: dict[str, list[type[AppError]]] = {}
    general = _general(method, rule, has_body="requestBody" in operation, takes_input=bool(takes_input))
    for error in (*own, *general, *denials):
        group = by_status.setdefault(str(error.status), [])
        if error not in group:
            group.append(error)
    return by_status


def _general(method: str, rule: Rule, *, has_body: bool, takes_input: bool) -> Iterator[type[AppError]]:
    yield BadRequest
    if not rule.is_public:
        yield NotAuthenticated
    if method not in SAFE_METHODS:
        yield Conflict
        if rule.is_public or isinstance(rule.marker, AuthenticatedOr):
            yield TooManyRequests
    if has_body:
        yield from (RequestTimeout, PayloadTooLarge, UnsupportedMediaType)
    if has_body or takes_input:
        yield ValidationFailed
    yield from (HeadTooLarge, InternalError, Unavailable)
