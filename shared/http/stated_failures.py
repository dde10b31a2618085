"""The failures and bounds that a route declares for the OpenAPI document."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.errors import (
    AppError,
)


def failures(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """The failures that a route may answer: `@router.post("", responses=failures(EmailTaken))`.

    Those of every route (401, 403, 422, 500, ...) are added automatically.
    """
    by_status: dict[int | str, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {status: StatedFailure(group) for status, group in by_status.items()}


class StatedFailure(dict[str, Any]):
    """An entry of a route's `responses`. FastAPI reads the description, our OpenAPI document the errors themselves."""

    def __init__(self, errors: Sequence[type[AppError]]) -> None:
        super().__init__(description=_text_of(errors))
        self.errors = tuple(errors)


def _text_of(errors: Iterable[type[AppError]]) -> str:
    return "; ".join(f"`{error.code}`: {error.message}" for error in errors)


FROM_SETTINGS = "x-from-settings"


def bounded_by_settings(**keywords: str) -> dict[str, Any]:
    """For `Field(json_schema_extra=...)`: bounds that settings decide, as in `minLength="AUTH_PASSWORD_MIN_LENGTH"`.

    They are for the document only; the service checks its input itself.
    """
    return {FROM_SETTINGS: keywords}
