"""Reading an OpenAPI document, as far as this project's uses the format."""

from collections.abc import Iterator
from typing import Any

REFERENCE = "#/components/schemas/"
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}

Document = dict[str, Any]
Schema = dict[str, Any]


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of each."""
    count = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            count += 1
            yield method, path, operation
    assert count


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def resolve(document: Document, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(REFERENCE)]
    return schema


def schema_of(document: Document, operation: dict[str, Any], status: str) -> Schema:
    content = operation["responses"][status]["content"]
    assert list(content) == ["application/json"]
    return resolve(document, content["application/json"]["schema"])


def body_of(document: Document, operation: dict[str, Any]) -> Schema:
    """Of JSON, a form or an upload."""
    (content,) = operation["requestBody"]["content"].values()
    return resolve(document, content["schema"])


def schemas_in(value: Any) -> Iterator[Schema]:
    """Every schema that stands somewhere in it, with those inside of each."""
    if isinstance(value, dict):
        if value.keys() & {"type", "$ref", "anyOf", "enum", "const"} and not isinstance(value.get("type"), dict):
            yield value
        for key, one in value.items():
            if key not in {"examples", "example"}:
                yield from schemas_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from schemas_in(one)


def reachable(document: Document, schema: Schema) -> Iterator[Schema]:
    """A schema and all that it is made of, through its references."""
    done: set[str] = set()
    waiting = [schema]
    while waiting:
        for one in schemas_in(waiting.pop()):
            yield one
            if (reference := one.get("$ref")) and reference not in done:
                done.add(reference)
                waiting.append(resolve(document, one))


def faults(document: Document, schema: Schema, value: Any, at: str = "$") -> Iterator[str]:
    """Where a value is not as its schema says: of JSON Schema, what this document uses of it."""
    schema = resolve(document, schema)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if options := schema.get("anyOf"):
        if all(any(faults(document, option, value, at)) for option in options):
            yield f"{at}: is none of the options"
    elif "const" in schema and value != schema["const"]:
        yield f"{at}: is not {schema['const']!r}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at}: is none of {schema['enum']}"
    elif types and not any(isinstance(value, TYPES[name]) for name in types):
        yield f"{at}: is no {' and no '.join(types)}"
    elif isinstance(value, dict):
        yield from _faults_of_object(document, schema, value, at)
    elif isinstance(value, list):
        for one in value:
            yield from faults(document, schema["items"], one, f"{at}[]")


def _faults_of_object(document: Document, schema: Schema, value: dict[str, Any], at: str) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    yield from (f"{at}: has no {missing}" for missing in set(schema.get("required", ())) - set(value))
    for key, one in value.items():
        if key in properties or isinstance(others, dict):
            yield from faults(document, properties.get(key, others), one, f"{at}.{key}")
        elif others is not True:
            yield f"{at}: has {key}, which is not documented"
