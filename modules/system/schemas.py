from typing import Literal

from shared.text import ResponseData


class Index(ResponseData):
    name: str
    env: str
    version: str


class Health(ResponseData):
    status: Literal["ok"] = "ok"


class Readiness(ResponseData):
    """`checks` has `database`, and `migrations` by module."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str | dict[str, str]]
