from datetime import UTC, datetime, timedelta


class MovableClock:
    """The present, until it is moved."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, **by: float) -> None:
        """`clock.advance(days=7)`."""
        self._ahead += timedelta(**by)
