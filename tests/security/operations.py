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
    withheld: frozenset[str]
    """Of the permissions, those that a plain user has not got."""
    body: Schema | None
    """Of a JSON object; None when the operation takes no body, or another one: a file, a list."""
    form: Schema | None
    """Of a form, which may have files in it."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return [match["name"] for match in PARAMETER.finditer(self.path)]

    def url(self, **values: object) -> str:
        """What is not given is made up."""
        return PARAMETER.sub(lambda match: str(values.get(match["name"]) or uuid4()), self.path)

    def content(self) -> dict[str, Any]:
        """The least that the operation takes, as arguments of a client's request."""
        if self.form is None:
            return {"json": self.sample()} if self.body else {}
        properties, required = self.form.get("properties", {}), self.form.get("required", ())
        files = {name for name in required if _is_file(properties[name])}
        return {
            "files": dict.fromkeys(files, ("sample.txt", b"sample")),
            "data": {name: _sample(name, properties[name]) for name in required if name not in files},
        }

    def sample(self, *, everything: bool = False) -> dict[str, Any]:
        """The least that the body must hold, or all it may: made up by the schema and, if that says little, by name."""
        properties = (self.body or {}).get("properties", {})
        names = properties if everything else (self.body or {}).get("required", ())
        return {name: _sample(name, properties[name]) for name in names}


def operations_of(app: FastAPI) -> list[Operation]:
    document = app.openapi()
    by_default = {one.name for one in app.state.runtime.shared.permissions() if one.by_default}
    found = [
        Operation(
            id=operation["operationId"],
            module=operation["tags"][0],
            method=method.upper(),
            path=path,
            is_public=not operation["security"],
            permissions=permissions_of(operation),
            withheld=permissions_of(operation) - by_default,
            body=_body(document, operation, "application/json"),
            form=_body(document, operation, "multipart/form-data", "application/x-www-form-urlencoded"),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(found) > 20
    return found


def _body(document: Schema, operation: Schema, *types: str) -> Schema | None:
    content = operation.get("requestBody", {}).get("content", {})
    schemas = [resolve(document, content[one].get("schema", {})) for one in types if one in content]
    return next((schema for schema in schemas if schema.get("type") == "object"), None)


def _is_file(schema: Schema) -> bool:
    return "contentMediaType" in schema or schema.get("format") == "binary"


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
