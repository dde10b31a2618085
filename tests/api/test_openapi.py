import re
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from bootstrap import create_app
from shared.access.table import AccessTable
from shared.assembly.discovery import discover
from tests.api.document import REFERENCE, Document, faults, operations, references, resolve, schema_of
from tests.architecture.test_access import DOCUMENTATION, PUBLIC
from tests.conftest import Account, MakeApp, client_of, module_settings, settings_for
from tests.project import BUILT_IN

# The documentation itself, and the keys, whose form RFC 7517 fixes: the document promises the envelope.
UNDOCUMENTED = {line.split()[1] for line in DOCUMENTATION} | {"/.well-known/jwks.json"}
# Of the built-in modules; those of others may leave it out wherever they like.
WITHOUT_DATA = {
    "change_password",
    "confirm_email_change",
    "delete_role",
    "delete_user",
    "disown_email",
    "end_session",
    "invite_user_again",
    "logout_user",
    "request_email_change",
    "request_email_verification",
    "request_password_reset",
    "reset_password",
    "revoke_user_sessions",
    "verify_email",
}


async def test_the_document_is_served(client: httpx.AsyncClient, document: Document) -> None:
    answer = await client.get("/openapi.json")

    assert answer.status_code == 200
    assert answer.json() == document
    assert document["openapi"].startswith("3.1")
    for path in ("/docs", "/redoc"):
        assert (await client.get(path)).headers["content-type"].startswith("text/html")


@pytest.mark.module_rules
def test_every_route_is_documented(described: FastAPI, document: Document) -> None:
    table: AccessTable = described.state.access
    routes = {
        (method.lower(), rule.path) for rule in table.routes for method in rule.methods if rule.path not in UNDOCUMENTED
    }

    assert {(method, path) for method, path, _ in operations(document)} == routes


def test_the_document_is_made_once_and_has_nothing_that_stays_closed() -> None:
    app = create_app(settings_for("sqlite://"), module_settings=module_settings())
    document = app.openapi()
    app.add_api_route("/late", lambda: None)

    assert app.openapi() is document
    assert "/late" not in document["paths"]


@pytest.mark.module_rules
def test_operation_ids_are_verbs_with_nouns(document: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(ids)) == len(ids)
    for one in ids:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", one), one


@pytest.mark.module_rules
def test_tags_are_modules_and_say_what_they_are_for(document: Document) -> None:
    texts = {tag["name"]: tag["description"] for tag in document["tags"]}

    modules = discover()
    assert texts == {name: module.declaration.description for name, module in modules.items()}
    assert all(texts.values())
    for _, path, operation in operations(document):
        (tag,) = operation["tags"]
        assert tag == "system" or path.startswith(f"/api{modules[tag].prefix}")


@pytest.mark.module_rules
def test_every_reference_leads_somewhere_and_everything_is_referred_to(document: Document) -> None:
    components = document["components"]
    there = {f"#/components/{kind}/{name}" for kind in ("headers", "schemas") for name in components[kind]}

    assert REFERENCE + "UserRead" in there
    assert set(references(document)) == there


@pytest.mark.module_rules
def test_the_frameworks_own_failures_are_not_mentioned(document: Document) -> None:
    text = str(document)

    assert "HTTPValidationError" not in text
    assert not re.search(r"\bValidationError\b", text)


@pytest.mark.module_rules
def test_item_53_every_success_is_an_envelope_around_something_typed(document: Document) -> None:
    for method, path, operation in operations(document):
        successes = [status for status in operation["responses"] if status.startswith("2")]
        assert len(successes) == 1, (method, path)
        if "application/json" not in operation["responses"][successes[0]]["content"]:
            continue  # a file or a stream, whose form is its own
        envelope = schema_of(document, operation, successes[0])
        assert set(envelope["properties"]) == set(envelope["required"]) == {"code", "message", "data", "request_id"}
        assert envelope["properties"]["code"]["const"] == "ok"
        data = envelope["properties"]["data"]
        is_built_in = operation["tags"][0] in BUILT_IN
        if operation["operationId"] in WITHOUT_DATA if is_built_in else data.get("type") == ["object", "null"]:
            assert data["type"] == ["object", "null"]
        else:
            described = resolve(document, data)
            assert described.get("properties") or described["items"], (method, path)


@pytest.mark.module_rules
def test_every_failure_is_the_one_envelope_and_names_its_codes(document: Document) -> None:
    for method, path, operation in operations(document):
        failures = {status for status in operation["responses"] if not status.startswith("2")}
        assert failures >= {"500", "503"}
        assert ("401" in failures) is (
            bool(operation["security"]) or operation["operationId"] in {"login_user", "refresh_session"}
        )
        for status in failures:
            envelope = schema_of(document, operation, status)
            assert envelope["required"] == ["code", "message", "data", "request_id"], (method, path, status)
            assert re.match(r"`[a-z_]+`: ", operation["responses"][status]["description"]), (method, path, status)
        if "requestBody" in operation:
            assert failures >= {"400", "413", "415", "422"}, (method, path)
        if any(parameter["in"] != "header" for parameter in operation.get("parameters", [])):
            assert "422" in failures, (method, path)


def test_the_documented_codes_are_those_of_the_contract(document: Document) -> None:
    codes = {
        operation["operationId"]: set(re.findall(r"`([a-z_]+)`: ", str(operation["responses"])))
        for _, _, operation in operations(document)
    }

    assert codes["register_user"] >= {"email_taken", "registration_closed", "validation_error"}
    assert codes["login_user"] >= {"invalid_credentials"}
    assert codes["refresh_session"] >= {"invalid_refresh_token"}
    assert codes["get_readiness"] >= {"not_ready"}
    assert codes["create_user"] >= {"email_taken", "permission_denied", "not_authenticated"}
    assert codes["get_user"] >= {"user_not_found", "permission_denied"}
    for one in ("update_user", "deactivate_user", "activate_user", "delete_user", "revoke_user_sessions"):
        assert codes[one] >= {"user_not_found", "permission_denied", "cannot_grant"}
    assert codes["create_role"] >= {"role_taken", "cannot_grant", "permission_denied", "validation_error"}
    for one in ("update_role", "delete_role"):
        assert codes[one] >= {"role_not_found", "role_builtin", "cannot_grant", "permission_denied"}
    assert codes["set_user_roles"] >= {"user_not_found", "cannot_grant", "last_admin", "validation_error"}


@pytest.mark.module_rules
def test_only_public_routes_need_no_token(document: Document) -> None:
    (scheme,) = document["components"]["securitySchemes"]
    assert document["components"]["securitySchemes"][scheme]["scheme"] == "bearer"

    for method, path, operation in operations(document):
        expected: Any = [] if f"{method.upper()} {path}" in PUBLIC else [{scheme: []}]
        if operation["operationId"] == "logout_user":  # the refresh token does, too
            expected.append({})
        assert operation["security"] == expected, operation["operationId"]


def test_the_permission_of_a_route_stands_in_its_description(document: Document) -> None:
    described = {operation["operationId"]: operation.get("description", "") for _, _, operation in operations(document)}

    assert "`users:user.read`" in described["list_users"]
    assert "`users:user.write`" in described["deactivate_user"]
    assert "permission" not in described["get_me"]


async def test_answers_are_as_documented(
    client: httpx.AsyncClient, document: Document, user: Account, admin: Account
) -> None:
    by_id = {operation["operationId"]: (method, path, operation) for method, path, operation in operations(document)}
    credentials = {"email": user.email, "password": user.password}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_index", {}),
        ("get_health", {}),
        ("get_readiness", {}),
        ("login_user", {"json": credentials}),
        ("login_user", {"json": credentials | {"password": "wrong"}}),
        ("login_user", {"json": {}}),
        ("login_user", {"content": b"{"}),
        ("refresh_session", {"json": {"refresh_token": user.tokens["refresh_token"]}}),
        ("refresh_session", {"json": {"refresh_token": "x"}}),
        ("register_user", {"json": credentials}),
        ("get_me", {"headers": user.headers}),
        ("get_me", {}),
        ("list_users", {"headers": user.headers}),
        ("list_users", {"headers": admin.headers}),
        ("list_users", {"headers": admin.headers, "params": {"limit": 1, "total": True}}),
        ("create_user", {"headers": admin.headers, "json": {"email": "new@example.com"}}),
        ("create_user", {"headers": admin.headers, "json": {"email": user.email}}),
        ("list_permissions", {"headers": admin.headers}),
        ("list_roles", {"headers": admin.headers}),
        ("create_role", {"headers": admin.headers, "json": {"name": "admin"}}),
        ("list_audit_events", {"headers": admin.headers, "params": {"limit": 1, "total": True}}),
        ("list_audit_events", {"headers": user.headers}),
        ("logout_user", {"headers": user.headers}),
    ]
    for operation_id, arguments in calls:
        method, path, operation = by_id[operation_id]
        answer = await client.request(method, path, **arguments)
        assert str(answer.status_code) in operation["responses"], (operation_id, answer.text)
        schema = schema_of(document, operation, str(answer.status_code))
        assert list(faults(document, schema, answer.json())) == [], (operation_id, answer.text)


async def test_item_61_production_serves_no_documentation(make_app: MakeApp, user: Account) -> None:
    app = make_app(app_env="production", allow_sqlite_in_production=True, jwt_secret_key="7Kq2vXw9Zr4Lm8Np3Tb6" * 2)
    async with client_of(app) as live:
        for path in ("/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect", "/metrics", "/static/x", "/admin"):
            assert (await live.get(path)).status_code == 401
            tokens = await live.post("/api/auth/login", json={"email": user.email, "password": user.password})
            headers = {"Authorization": f"Bearer {tokens.json()['data']['access_token']}"}
            assert (await live.get(path, headers=headers)).status_code == 404
