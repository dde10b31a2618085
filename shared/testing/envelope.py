"""Checks the envelope of answers."""

from typing import Any

import httpx2 as httpx

KEYS = {"code", "message", "data", "request_id"}


def data_of(answer: httpx.Response, status: int = 200) -> Any:
    """The `data` of a success, which must have this status."""
    body = _envelope(answer, status)
    assert body["code"] == "ok", body
    return body["data"]


def assert_failure(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that this is the failure; returns its envelope."""
    body = _envelope(answer, status)
    assert body["code"] == code, body
    assert body["message"], body
    return body


def input_errors(answer: httpx.Response) -> list[tuple[tuple[str | int, ...], str]]:
    """The place and the type of each fault in a 422."""
    errors = assert_failure(answer, 422, "validation_error")["data"]["errors"]
    assert errors
    assert all(set(error) == {"loc", "type", "msg", "params"} for error in errors), errors
    return [(tuple(error["loc"]), error["type"]) for error in errors]


def _envelope(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert set(body) == KEYS, body
    assert body["request_id"] == answer.headers["x-request-id"]
    return body
