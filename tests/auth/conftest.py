from datetime import UTC, datetime, timedelta

import pytest
from dependency_injector import providers
from fastapi import FastAPI


class MovableClock:
    """The present, until it is moved."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, **by: float) -> None:
        """`clock.advance(days=7)`."""
        self._ahead += timedelta(**by)


@pytest.fixture
def clock(app: FastAPI) -> MovableClock:
    """The application's clock; to be asked for before anybody logs in, which is when the services take it."""
    return override_clock(app)


def override_clock(app: FastAPI) -> MovableClock:
    clock = MovableClock()
    app.state.runtime.shared.clock.override(providers.Object(clock))
    return clock
