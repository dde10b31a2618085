from typing import Literal

from pydantic import ConfigDict, Field

from shared.http import ResponseData


class ServiceInfo(ResponseData):
    """What is running here."""

    name: str = Field(description="The service's name, a setting.", examples=["Modular Monolith"])
    env: str = Field(description="Where it runs.", examples=["production"])
    version: str = Field(description="Of the service.", examples=["0.1.0"])


class Health(ResponseData):
    """The process answers."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")


class Checks(ResponseData):
    """What was looked at, and how it is."""

    database: Literal["ok", "away"] = Field(description="Whether it answers.")
    migrations: dict[str, str] | None = Field(
        default=None,
        exclude_if=lambda migrations: migrations is None,
        description="Of each module: `applied`; `ahead`, if newer code has migrated it and this code can go on; "
        "`pending` or `incompatible`, if the service is not ready for it. Not there while the database is away.",
        examples=[{"auth": "applied", "users": "applied"}],
    )
    disk: Literal["full"] | None = Field(
        default=None,
        exclude_if=lambda disk: disk is None,
        description="Only there when the disk of a SQLite file has too little room left to write.",
    )
    service: Literal["draining"] | None = Field(
        default=None,
        exclude_if=lambda service: service is None,
        description="Only there when the service has been told to stop.",
    )


class Readiness(ResponseData):
    """The service can do its work."""

    status: Literal["ready"] = Field(default="ready", description="Always `ready`.")
    checks: Checks


class NotReadyChecks(ResponseData):
    """What keeps the service from its work."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"checks": {"database": "away"}}]})

    checks: Checks
