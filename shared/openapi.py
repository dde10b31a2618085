"""An OpenAPI document that says what the service really answers: the envelope, for every failure too."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI

from shared.access import Requires
from shared.access_table import AccessTable, Rule
from shared.errors import (
    AppError,
    BadRequest,
    InternalError,
    NotAuthenticated,
    PayloadTooLarge,
    PermissionDenied,
    Unavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from shared.memory import collection_paused
from shared.responses import ApiFailure

REFERENCE = "#/components/schemas/{model}"
SECURITY_SCHEME = "bearer"
# FastAPI's own shape of a 422, which this service never sends.
REPLACED_SCHEMAS = ("HTTPValidationError", "ValidationError")


def failures(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides success: `@router.post("", responses=failures(EmailTaken))`.

    What any route may answer (401, 403, 422, 500, ...) is added by itself.
    """
    by_status: dict[int | str, list[type[AppError]]] = defaultdict(list)
    for error in errors:
        by_status[error.status].append(error)
    return {
        status: {"model": ApiFailure, "description": "; ".join(f"`{error.code}`: {error.message}" for error in group)}
        for status, group in by_status.items()
    }


def describe_truthfully(app: FastAPI, table: AccessTable) -> None:
    """Make `app.openapi()` complete. The document is made once, at the first call."""
    rules = {(rule.path, method.lower()): rule for rule in table.rules for method in rule.methods}
    draft = app.openapi

    def openapi() -> dict[str, Any]:
        document = app.openapi_schema
        if document is None:
            with collection_paused():
                document = draft()
                _complete(document, rules)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _complete(document: dict[str, Any], rules: dict[tuple[str, str], Rule]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in REPLACED_SCHEMAS:
        schemas.pop(name, None)
    failure = ApiFailure.model_json_schema(ref_template=REFERENCE, mode="serialization")
    schemas |= failure.pop("$defs", {})
    schemas[ApiFailure.__name__] = failure
    components["securitySchemes"] = {SECURITY_SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            _complete_operation(operation, rules[path, method])


def _complete_operation(operation: dict[str, Any], rule: Rule) -> None:
    responses = operation["responses"]
    stated = {status for status in responses if status != str(ValidationFailed.status)}
    own_422 = responses.pop(str(ValidationFailed.status), None)
    possible: list[type[AppError]] = [InternalError, Unavailable]
    if not rule.is_public:
        operation["security"] = [{SECURITY_SCHEME: []}]
        possible.append(NotAuthenticated)
    if isinstance(rule.marker, Requires):
        possible.append(PermissionDenied)
        operation["description"] = "\n\n".join(
            filter(None, [operation.get("description"), f"Requires the permission `{rule.marker.permission}`."])
        )
    if "requestBody" in operation:
        possible += [BadRequest, PayloadTooLarge, UnsupportedMediaType]
    if own_422 is not None or "requestBody" in operation or "parameters" in operation:
        possible.append(ValidationFailed)
    for error in possible:
        text = f"`{error.code}`: {error.message}"
        if str(error.status) in stated:
            responses[str(error.status)]["description"] += f"; {text}"
        else:
            schema = {"$ref": REFERENCE.format(model=ApiFailure.__name__)}
            responses[str(error.status)] = {"description": text, "content": {"application/json": {"schema": schema}}}
    operation["responses"] = dict(sorted(responses.items()))
