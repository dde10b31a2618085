"""Rewrites schemas for generators of clients, which understand less than JSON Schema allows."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.http.stated_failures import FROM_SETTINGS

REFERENCE = "#/components/schemas/{model}"
NULL = {"type": "null"}
# Generators have no type for a property that is always null.
NOTHING = {"type": ["object", "null"], "description": "Always null."}
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*")

Schema = dict[str, Any]


def pascal_case(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text))


def tidy(document: Schema, settings: Mapping[str, Any]) -> None:
    """Rewrite every schema of the document, and leave out those that nothing refers to."""
    for operation in (one for operations in document.get("paths", {}).values() for one in operations.values()):
        _tidy_operation(operation, settings)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        _tidy_component(schema, settings)
    _remove_unused(document)
    _rename(document, _readable_names(schemas))


def _tidy_operation(operation: Schema, settings: Mapping[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        # A parameter cannot hold null: it would be the text "null".
        parameter["schema"] = _without_null(parameter["schema"])
        _tidy_schema(parameter["schema"], settings, keeps_default=True)
        if description := parameter["schema"].pop("description", None):
            parameter.setdefault("description", description)
    if body := operation.get("requestBody"):
        for content in body["content"].values():
            # An optional body can be left out; null would be a second way to say the same.
            content["schema"] = _without_null(content["schema"])
            _tidy_schema(content["schema"], settings)
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            _tidy_schema(content.get("schema", {}), settings)


def _tidy_component(schema: Schema, settings: Mapping[str, Any]) -> None:
    title = schema.get("title")
    _tidy_schema(schema, settings)
    if title:
        schema["title"] = title


def _tidy_schema(schema: Schema, settings: Mapping[str, Any], *, keeps_default: bool = False) -> None:
    schema.pop("title", None)
    if not keeps_default:
        # Clients would send the default, in a PATCH too, or require a value for an optional field.
        schema.pop("default", None)
    for keyword, variable in schema.pop(FROM_SETTINGS, {}).items():
        if variable in settings:
            schema[keyword] = settings[variable]
    within = {keyword: schema[keyword] for keyword in ("items", "additionalProperties") if keyword in schema}
    for holder, parts in ((schema, within), (schema.get("properties", {}), schema.get("properties", {}))):
        for name, one in parts.items():
            if isinstance(one, dict) and (one.get("type") == "null" or one.get("const", ...) is None):
                holder[name] = NOTHING | {key: one[key] for key in ("description",) if key in one}
    for one in _parts(schema):
        _tidy_schema(one, settings)


def _parts(schema: Schema) -> Iterator[Schema]:
    """The schemas directly in a schema."""
    for keyword in ("properties", "patternProperties", "$defs"):
        yield from schema.get(keyword, {}).values()
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from schema.get(keyword, ())
    for keyword in ("items", "additionalProperties", "not", "propertyNames"):
        if isinstance(one := schema.get(keyword), dict):
            yield one


def _without_null(schema: Schema) -> Schema:
    options: list[Schema] = [one for one in schema.get("anyOf", ()) if one != NULL]
    if len(options) == len(schema.get("anyOf", ())):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    if len(options) > 1:
        return {"anyOf": options} | rest
    # Some tools ignore everything beside a reference.
    (option,) = options
    return option if "$ref" in option else {**option, **rest}


def _remove_unused(document: Schema) -> None:
    schemas = document["components"]["schemas"]
    reachable: set[str] = set()
    new = set(map(_name_of, _references(document["paths"])))
    while new:
        reachable |= new
        new = {_name_of(one) for name in new for one in _references(schemas[name])} - reachable
    for name in schemas.keys() - reachable:
        del schemas[name]


def _readable_names(schemas: Mapping[str, Schema]) -> dict[str, str]:
    """Replaces names that FastAPI derives from generic classes (`ApiResponse_list_RoleRead__`) by the class's title."""
    wanted = {
        name: title if IDENTIFIER.fullmatch(title := str(schema.get("title", ""))) else pascal_case(name)
        for name, schema in schemas.items()
    }
    names = list(wanted.values())
    # Two modules may each have a NoteRead; then both keep their longer names, which contain the module.
    return {name: readable if names.count(readable) == 1 else pascal_case(name) for name, readable in wanted.items()}


def _rename(document: Schema, names: Mapping[str, str]) -> None:
    for holder in _reference_holders(document):
        holder["$ref"] = REFERENCE.format(model=names[_name_of(holder["$ref"])])
    schemas = document["components"]["schemas"]
    for name, readable in names.items():
        schemas[name]["title"] = readable
    document["components"]["schemas"] = {names[name]: schemas[name] for name in sorted(schemas, key=names.__getitem__)}


def _references(value: Any) -> Iterator[str]:
    yield from (holder["$ref"] for holder in _reference_holders(value))


def _reference_holders(value: Any) -> Iterator[Schema]:
    """All objects that refer to a schema."""
    if isinstance(value, dict):
        if str(value.get("$ref", "")).startswith(REFERENCE.format(model="")):
            yield value
        for one in value.values():
            yield from _reference_holders(one)
    elif isinstance(value, list):
        for one in value:
            yield from _reference_holders(one)


def _name_of(reference: str) -> str:
    return reference.removeprefix(REFERENCE.format(model=""))
