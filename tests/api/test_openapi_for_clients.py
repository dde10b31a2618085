"""What generators of clients need of the document, beyond its being true."""

import re
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from bootstrap import create_app
from shared.access import Public
from shared.access.table import AccessTable
from shared.assembly.openapi.document import describe_truthfully
from shared.http import LEFT_OUT, ApiResponse, Name, PatchBody, RequestBody
from tests.api.document import Document, body_of, operations, reachable, resolve, schema_of, schemas_in
from tests.conftest import module_settings, settings_for

NULL = {"type": "null"}


def described_by(router: APIRouter) -> Document:
    """The document of an application with these routes alone."""
    app = FastAPI(generate_unique_id_function=lambda route: route.name)
    app.include_router(router)
    describe_truthfully(app, AccessTable(app.routes))
    return app.openapi()


def public_router() -> APIRouter:
    return APIRouter(dependencies=[Public("a test")])


@pytest.mark.module_rules
def test_no_property_is_of_a_type_that_is_always_null(document: Document) -> None:
    for schema in schemas_in([document["paths"], document["components"]]):
        assert NULL not in schema.get("properties", {}).values(), schema
        assert schema.get("items") != NULL
        assert schema.get("additionalProperties") != NULL


@pytest.mark.module_rules
def test_no_parameter_and_no_body_can_be_null(document: Document) -> None:
    for _, path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert NULL not in parameter["schema"].get("anyOf", ()), (path, parameter["name"])
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert list(content["schema"]) == ["$ref"], path


@pytest.mark.module_rules
def test_no_body_has_defaults(document: Document) -> None:
    bodies = [operation for _, _, operation in operations(document) if "requestBody" in operation]

    assert len(bodies) > 10
    for operation in bodies:
        for schema in reachable(document, body_of(document, operation)):
            assert "default" not in schema, operation["operationId"]


@pytest.mark.module_rules
def test_the_body_of_a_patch_requires_nothing(document: Document) -> None:
    patches = [operation for method, _, operation in operations(document) if method == "patch"]

    assert len(patches) > 2
    for operation in patches:
        assert "required" not in body_of(document, operation)


def test_names_of_schemas_are_words(built_in: Document) -> None:
    schemas = built_in["components"]["schemas"]

    assert {"EmptyResponse", "RoleReadListResponse", "ServiceInfo", "UserDetailPage", "UserDetailPageResponse"} <= set(
        schemas
    )
    for name, schema in schemas.items():
        assert re.fullmatch(r"([A-Z][a-z0-9]+)+", name), name
        assert schema["title"] == name
    # On a disk that does not tell upper from lower case, and beside the index that generators write.
    assert len({name.lower() for name in schemas}) == len(schemas)
    assert not {"index", "error", "null", "object"} & {name.lower() for name in schemas}


def test_the_document_says_where_the_service_is_and_under_which_licence(document: Document) -> None:
    assert document["servers"][0]["url"] == "/"
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert document["info"]["contact"]["url"].startswith("http")


@pytest.mark.module_rules
def test_every_answer_has_its_headers(document: Document) -> None:
    expected = {"401": "WWW-Authenticate", "403": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in response["headers"], path
            if header := expected.get(status):
                assert header in response["headers"], (path, status)


@pytest.mark.parametrize("minimum", [8, 15, 20])
def test_a_new_password_has_the_bounds_that_are_in_force(minimum: int) -> None:
    app = create_app(settings_for("sqlite://"), module_settings=module_settings(auth={"password_min_length": minimum}))
    schemas = app.openapi()["components"]["schemas"]

    for body, name in [
        ("RegisterRequest", "password"),
        ("PasswordChange", "new_password"),
        ("PasswordReset", "new_password"),
    ]:
        bounds = schemas[body]["properties"][name]
        assert (bounds["minLength"], bounds["maxLength"]) == (minimum, 256)
    for body, name in [("LoginRequest", "password"), ("PasswordChange", "current_password")]:
        bounds = schemas[body]["properties"][name]
        assert (bounds["minLength"], bounds["maxLength"]) == (1, 1024)


def test_every_operation_says_in_words_what_it_is_for(built_in: Document) -> None:
    summaries = [operation["summary"] for _, _, operation in operations(built_in)]

    assert len(set(summaries)) == len(summaries)
    for _, path, operation in operations(built_in):
        assert operation["summary"] != operation["operationId"].replace("_", " ").title(), path
        assert operation["description"], path
        for status, response in operation["responses"].items():
            assert response["description"] != "Successful Response", (path, status)
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (path, parameter["name"])


def test_every_field_is_described(built_in: Document) -> None:
    for name, schema in built_in["components"]["schemas"].items():
        for field, one in schema.get("properties", {}).items():
            assert one.get("description") or field == "data" or resolve(built_in, one).get("description"), (name, field)


def test_every_field_of_a_body_has_an_example(built_in: Document) -> None:
    bodies = [body_of(built_in, one) for _, _, one in operations(built_in) if "requestBody" in one]
    for body in bodies:
        for name, field in body["properties"].items():
            options = field.get("anyOf", [field])
            assert any(one.keys() & {"examples", "enum", "const"} or one["type"] == "boolean" for one in options), name


def test_every_failure_has_an_example_of_its_own_form(built_in: Document) -> None:
    for _, path, operation in operations(built_in):
        for status, response in operation["responses"].items():
            if status.startswith("2"):
                continue
            codes = schema_of(built_in, operation, status)["properties"]["code"]["enum"]
            examples = response["content"]["application/json"]["examples"]
            assert {one["value"]["code"] for one in examples.values()} == set(codes), (path, status)


def test_the_codes_of_a_failure_are_an_enum(document: Document) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations(document)}

    def codes(operation: str, status: str) -> set[str]:
        return set(schema_of(document, by_id[operation], status)["properties"]["code"]["enum"])

    assert codes("login_user", "401") == {"invalid_credentials"}
    assert codes("register_user", "409") == {"conflict", "email_taken"}
    assert codes("register_user", "403") == {"registration_closed"}
    assert codes("get_me", "401") == {"not_authenticated"}
    assert codes("list_users", "403") == {"password_change_required", "permission_denied"}
    assert codes("get_readiness", "503") == {"not_ready", "unavailable"}
    assert codes("get_me", "503") == {"unavailable"}
    assert codes("change_password", "403") == {"invalid_credentials"}
    assert "403" not in by_id["get_me"]["responses"]
    assert "409" not in by_id["list_users"]["responses"]


def test_data_of_a_failure_depends_on_its_code(document: Document) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["ValidationErrorFailure"]["properties"]["data"] == {"$ref": "#/components/schemas/ValidationErrors"}
    assert {"$ref": "#/components/schemas/NotReadyChecks"} in schemas["NotReadyOrUnavailableFailure"]["properties"][
        "data"
    ]["anyOf"]
    assert schemas["NotAuthenticatedFailure"]["properties"]["data"]["type"] == ["object", "null"]


@pytest.mark.module_rules
def test_browsers_compile_every_pattern(document: Document) -> None:
    """As `<input pattern>` under the `v` flag, in which some signs stand escaped in a class and `-` only in ranges."""
    patterns = {schema["pattern"] for schema in schemas_in(document) if isinstance(schema.get("pattern"), str)}

    assert len(patterns) > 2
    assert not [pattern for pattern in patterns if is_refused_by_browsers(pattern)]


@pytest.mark.parametrize(
    "pattern", [r"^[a-z0-9_-]*$", r"[-a]", r"[a\d-]", r"[(]", r"[a&&b]", r"[/]", r"[\w-.]", r"^[^|]$"]
)
def test_a_pattern_that_browsers_refuse_is_caught(pattern: str) -> None:
    assert is_refused_by_browsers(pattern)


@pytest.mark.parametrize("pattern", [r"^[a-z][a-z0-9_\-]*$", r"^[^\s\u0000-\u001F]*$", r"[\(\)]", r"(a|b){2}/-"])
def test_a_pattern_that_browsers_compile_is_not(pattern: str) -> None:
    assert not is_refused_by_browsers(pattern)


def is_refused_by_browsers(pattern: str) -> bool:
    one = r"(?:\\u[0-9A-Fa-f]{4}|\\[^dDsSwW]|[^\\\]\[(){}/\-|&])"
    good = re.compile(rf"\[\^?(?:\\[dDsSwW]|{one}(?:-{one})?)*\]")
    return "[" in good.sub("", re.sub(r"\\[\[\]]", "", pattern)) or "&&" in pattern


class Item(RequestBody):
    label: str = "new"


class ItemUpdate(PatchBody):
    label: Name = LEFT_OUT
    inner: Item = LEFT_OUT


class Index(BaseModel):
    nothing: None
    nothings: list[None]
    by_name: dict[str, None]
    maybe: int | None


def test_what_a_module_writes_carelessly_is_mended() -> None:
    router = public_router()

    @router.patch("/items")
    async def change_item(
        data: ItemUpdate | None = None, q: str | None = None, n: int | str | None = None
    ) -> ApiResponse[list[Index]]:
        raise NotImplementedError

    document = described_by(router)
    ((_, _, operation),) = operations(document)

    assert [one["schema"] for one in operation["parameters"]] == [
        {"type": "string"},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    ]
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ItemUpdate"
    }
    schemas = document["components"]["schemas"]
    assert "default" not in schemas["Item"]["properties"]["label"]
    fields = schemas["Index"]["properties"]
    for one in (fields["nothing"], fields["nothings"]["items"], fields["by_name"]["additionalProperties"]):
        assert one["type"] == ["object", "null"]
    assert schemas["Index"]["properties"]["maybe"] == {"anyOf": [{"type": "integer"}, NULL]}
    assert schema_of(document, operation, "200")["title"] == "IndexListResponse"


def test_a_field_of_a_patch_with_a_default_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Careless\.label is a field of a PATCH body: write `= LEFT_OUT` behind it"):

        class Careless(PatchBody):
            label: str = "new"

    with pytest.raises(TypeError, match=r"Strict\.label"):

        class Strict(PatchBody):
            label: str


def test_a_patch_body_holds_what_was_sent() -> None:
    def sent(**values: Any) -> dict[str, Any]:
        return ItemUpdate.model_validate(values).model_dump(exclude_unset=True)

    assert sent() == {}
    assert sent(label="a") == {"label": "a"}
