"""Failures in the OpenAPI document: one component for each set of codes, so that a client's `switch` can be checked."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from shared.assembly.openapi.schemas import NULL, REFERENCE, pascal_case
from shared.errors import AppError
from shared.http.envelope import EXAMPLE_ID, ApiFailure
from shared.http.stated_failures import _text_of

JSON = "application/json"


class FailureSchemas:
    """Makes the component for a set of errors, once, and names it after their codes."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas
        self._made: dict[tuple[frozenset[str], frozenset[type[BaseModel] | None]], str] = {}

    def reference_to(self, errors: Sequence[type[AppError]]) -> dict[str, str]:
        codes = sorted({error.code for error in errors})
        forms = frozenset(error.data_model for error in errors)
        key = (frozenset(codes), forms)
        if key not in self._made:
            self._made[key] = name = self._unused(f"{'Or'.join(map(pascal_case, codes))}Failure")
            data = [self._form_of(model) for model in sorted(forms, key=repr)]
            self._schemas[name] = _envelope(name, codes, data[0] if len(data) == 1 else {"anyOf": data})
        return {"$ref": REFERENCE.format(model=self._made[key])}

    def _form_of(self, model: type[BaseModel] | None) -> dict[str, Any]:
        if model is None:
            return NULL.copy()
        schema = model.model_json_schema(ref_template=REFERENCE, mode="serialization")
        self._schemas |= schema.pop("$defs", {})
        self._schemas[model.__name__] = schema
        return {"$ref": REFERENCE.format(model=model.__name__)}

    def _unused(self, name: str) -> str:
        # Two modules may have the same code with data of another form.
        count = sum(made.rstrip("0123456789") == name for made in self._made.values())
        return f"{name}{count + 1}" if count else name


def _envelope(name: str, codes: list[str], data: dict[str, Any]) -> dict[str, Any]:
    schema = ApiFailure.model_json_schema(mode="serialization")
    schema["title"] = name
    schema["properties"]["code"] |= {"enum": codes}
    schema["properties"]["data"] = data
    return schema


def describe_failure(
    errors: Sequence[type[AppError]], schemas: FailureSchemas, stated: dict[str, Any]
) -> dict[str, Any]:
    """The response of a status. A form that the route declares itself is kept."""
    if "content" in stated:
        return stated | {"description": f"{stated['description']}; {_text_of(errors)}"}
    content = {"schema": schemas.reference_to(errors), "examples": _examples(errors)}
    return stated | {"description": _text_of(errors), "content": {JSON: content}}


def _examples(errors: Iterable[type[AppError]]) -> dict[str, Any]:
    return {
        error.code: {
            "summary": error.message,
            "value": {"code": error.code, "message": error.message, "data": data, "request_id": EXAMPLE_ID},
        }
        for error in errors
        for data in _examples_of(error.data_model)
    }


def _examples_of(model: type[BaseModel] | None) -> list[Any]:
    return [None] if model is None else model.model_json_schema(mode="serialization").get("examples", [])[:1]
