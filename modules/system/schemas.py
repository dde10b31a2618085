from typing import Literal

from pydantic import ConfigDict, Field

from shared.http import ResponseData


class ServiceInfo(ResponseData):
    """The running service."""

    name: str = Field(description="The service's name, a setting.", examples=["Modular Monolith"])
    env: str = Field(description="The environment it runs in.", examples=["production"])
    version: str = Field(description="The version of the service.", examples=["0.1.0"])


class Health(ResponseData):
    """The process answers."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")


class Checks(ResponseData):
    """The checks and their results."""

    database: Literal["ok", "away"] = Field(description="Whether it answers.")
    migrations: dict[str, str] | None = Field(
        default=None,
        exclude_if=lambda migrations: migrations is None,
        description="For each module: `applied`; `ahead`, if newer code has migrated it and this code still works; "
        "`pending` or `incompatible`, if the service is not ready for it. Missing while the database is away.",
        examples=[{"auth": "applied", "users": "applied"}],
    )
    disk: Literal["full"] | None = Field(
        default=None,
        exclude_if=lambda disk: disk is None,
        description="Only present when the disk of a SQLite file has too little free space.",
    )
    service: Literal["draining"] | None = Field(
        default=None,
        exclude_if=lambda service: service is None,
        description="Only present when the service is stopping.",
    )


class Readiness(ResponseData):
    """The service can work."""

    status: Literal["ready"] = Field(default="ready", description="Always `ready`.")
    checks: Checks


class NotReadyChecks(ResponseData):
    """The checks that keep the service from working."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"checks": {"database": "away"}}]})

    checks: Checks
