"""Hooks of Schemathesis, which loads this file: who calls, and what only looks like a fault.

Nothing is left out of a run: every operation is called, and every check made. What is let pass is named here, and why.
"""

import os
from dataclasses import dataclass
from itertools import cycle
from typing import Any, ClassVar
from uuid import uuid4

import httpx2 as httpx
import schemathesis
from schemathesis import AuthContext, HookContext
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

Case = schemathesis.Case[Any]

ADDRESS = os.environ.get("FUZZ_ADDRESS", "")
ROOT_EMAIL = "root@example.com"
PASSWORD = "seven purple tractors sing"

# What the document cannot say. A 400 or 422 for one of these reasons is right although the input fits the schema.
BEYOND_THE_SCHEMA = {
    "With a refresh token only its own session can be ended; leave out the scope.": "fields that depend on each other",
    "invalid_token": "the token of a link is known only to whoever reads the mail",
    "cursor_invalid": "a cursor is good only for the list that it came from",
    "unknown": "which roles and permissions there are, the document does not know",
    "password_too_short": "the policy",
    "password_too_long": "the policy",
    "password_too_simple": "the policy",
    "password_too_common": "the policy",
    "password_too_obvious": "the policy",
    "password_unchanged": "the policy",
    "email_invalid": "format: email is wider, and has room for what no mail server takes",
}


@dataclass
class Caller:
    """An administrator, until a request ends that; then another one takes the place."""

    email: str
    password: str
    access_token: str
    refresh_token: str


class Administrators:
    current: ClassVar[Caller | None] = None
    root_id: ClassVar[str] = ""

    @classmethod
    def get(cls) -> Caller:
        if cls.current is None:
            with httpx.Client(base_url=ADDRESS) as client:
                root = _log_in(client, ROOT_EMAIL)
                headers = {"Authorization": f"Bearer {root['access_token']}"}
                cls.root_id = _data(client.get("/api/users/me", headers=headers))["id"]
                email = f"{uuid4()}@example.com"
                user_id = _data(client.post("/api/auth/register", json={"email": email, "password": PASSWORD}))["id"]
                roles = {"roles": ["admin", "user"]}
                _data(client.put(f"/api/auth/users/{user_id}/roles", json=roles, headers=headers))
                tokens = _log_in(client, email)
            cls.current = Caller(email, PASSWORD, tokens["access_token"], tokens["refresh_token"])
        return cls.current


def _log_in(client: httpx.Client, email: str) -> Any:
    return _data(client.post("/api/auth/login", json={"email": email, "password": PASSWORD}))


def _data(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]


if os.environ.get("FUZZ_AS") == "admin":

    @schemathesis.auth(refresh_interval=None)
    class AsAdministrator:
        def get(self, _case: Case, _context: AuthContext) -> str:
            return Administrators.get().access_token

        def set(self, case: Case, data: str, _context: AuthContext) -> None:
            case.headers["Authorization"] = f"Bearer {data}"


every_other = cycle([True, False])


@schemathesis.hook
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    # Whoever makes the other administrators is left alone.
    if case.path_parameters.get("user_id") == Administrators.root_id:
        case.path_parameters["user_id"] = str(uuid4())
    caller, body = Administrators.current, case.body
    if caller is None or not isinstance(body, dict):
        return
    # Nobody guesses a secret: every other time it is the right one, so that what comes behind is seen, too.
    known = {"current_password": caller.password, "refresh_token": caller.refresh_token}
    if case.operation.definition.raw.get("operationId") == "login_user":
        known = {"email": caller.email, "password": caller.password}
    if any(isinstance(body.get(name), str) for name in known) and next(every_other):
        body.update({name: value for name, value in known.items() if name in body})


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: schemathesis.Response) -> None:
    caller = Administrators.current
    if caller is None or response.request.headers.get("Authorization") != f"Bearer {caller.access_token}":
        return
    operation, status = case.operation.definition.raw.get("operationId"), response.status_code
    if operation == "change_password" and status == 200 and isinstance(case.body, dict):
        caller.password = str(case.body["new_password"])
    elif operation == "refresh_session" and status == 200:
        caller.refresh_token = response.json()["data"]["refresh_token"]
    elif status in {401, 403} and response.json()["code"] in {"not_authenticated", "permission_denied"}:
        Administrators.current = None


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Failure, case: Case, response: schemathesis.Response) -> bool:
    """Whether the failure counts."""
    if isinstance(failure, AcceptedNegativeData) and case.body is None:
        # A body that may be left out may be null, too; the document offers clients one way, not two.
        return case.operation.definition.raw.get("requestBody", {}).get("required", False) is True
    if not isinstance(failure, RejectedPositiveData):
        return True
    envelope = response.json()
    errors = (envelope["data"] or {}).get("errors") or [{"type": envelope["code"], "msg": ""}]
    return any(BEYOND_THE_SCHEMA.keys().isdisjoint({error["type"], error["msg"]}) for error in errors)
