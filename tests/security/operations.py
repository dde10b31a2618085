"""Every operation of the API as its OpenAPI document describes it, and calls to each that are as they should be."""

from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

from fastapi import FastAPI

from tests.api.document import resolve
from tests.security.access_model import PARAMETER, permissions_of

EXAMPLES: dict[str, Any] = {
    "null": None,
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": False,
    "array": [],
    "object": {},
}

_numbers = count(1)

Schema = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    id: str
    module: str
    method: str
    path: str
    is_public: bool
    permissions: frozenset[str]
    body: Schema | None
    """Of a JSON object; None when the operation takes no body, or another one: a file, a list."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return [match["name"] for match in PARAMETER.finditer(self.path)]

    def url(self, **values: object) -> str:
        """What is not given is made up."""
        return PARAMETER.sub(lambda match: str(values.get(match["name"]) or uuid4()), self.path)

    def sample(self, *, everything: bool = False) -> dict[str, Any]:
        """The least that the body must hold, or all it may: made up by the schema and, if that says little, by name."""
        properties = (self.body or {}).get("properties", {})
        names = properties if everything else (self.body or {}).get("required", ())
        return {name: _sample(name, properties[name]) for name in names}


def operations_of(app: FastAPI) -> list[Operation]:
    document = app.openapi()
    found = [
        Operation(
            id=operation["operationId"],
            module=operation["tags"][0],
            method=method.upper(),
            path=path,
            is_public=not operation["security"],
            permissions=permissions_of(operation),
            body=_body(document, operation),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(found) > 20
    return found


def _body(document: Schema, operation: Schema) -> Schema | None:
    content = operation.get("requestBody", {}).get("content", {})
    schema: Schema = content.get("application/json", {}).get("schema", {})
    described = resolve(document, schema)
    return described if described.get("type") == "object" else None


def _sample(name: str, schema: Schema) -> Any:
    if "email" in name:
        return f"sample{next(_numbers)}@example.com"
    if "password" in name:
        return "seven purple tractors sing"
    if name == "name":
        return f"sample-{next(_numbers)}"
    if name.endswith("_id"):
        return str(uuid4())
    schema = schema.get("anyOf", [schema])[0]
    return schema.get("const", schema.get("enum", [EXAMPLES[schema.get("type", "string")]])[0])
