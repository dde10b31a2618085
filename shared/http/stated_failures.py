"""What a route states of its failures and bounds, for the OpenAPI document."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.errors import (
    AppError,
)


def failures(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides success: `@router.post("", responses=failures(EmailTaken))`.

    What any route may answer (401, 403, 422, 500, ...) is added by itself.
    """
    by_status: dict[int | str, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {status: StatedFailure(group) for status, group in by_status.items()}


class StatedFailure(dict[str, Any]):
    """An entry of a route's `responses`. FastAPI sees the description, this document the errors themselves."""

    def __init__(self, errors: Sequence[type[AppError]]) -> None:
        super().__init__(description=_text_of(errors))
        self.errors = tuple(errors)


def _text_of(errors: Iterable[type[AppError]]) -> str:
    return "; ".join(f"`{error.code}`: {error.message}" for error in errors)


FROM_SETTINGS = "x-from-settings"


def bounded_by_settings(**keywords: str) -> dict[str, Any]:
    """For `Field(json_schema_extra=...)`: bounds that settings decide, as in `minLength="AUTH_PASSWORD_MIN_LENGTH"`.

    They are for the document only; what the service takes, it checks itself.
    """
    return {FROM_SETTINGS: keywords}
