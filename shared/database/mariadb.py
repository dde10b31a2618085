"""What asyncmy needs besides: rows that nobody has asked for yet stay at the server."""

from typing import Any

from asyncmy import connection

MOST_BYTES = 2**18
"""As much as it reads at once."""


class _Protocol(connection._MySQLProtocol):  # type: ignore[misc, name-defined]  # noqa: SLF001 - it offers no other way
    """Theirs takes whatever the server sends, as fast as it can: a whole table, where somebody streams it."""

    length: int
    pos: int
    transport: Any
    _is_paused = False

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        if self.length - self.pos > MOST_BYTES and self.transport is not None:
            self.transport.pause_reading()
            self._is_paused = True

    async def wait_for_data(self, need: int) -> None:
        if self._is_paused and self.transport is not None:
            self._is_paused = False
            self.transport.resume_reading()
        await super().wait_for_data(need)


def take_rows_when_they_are_asked_for() -> None:
    """For every connection from now on."""
    connection._MySQLProtocol = _Protocol  # type: ignore[attr-defined]  # noqa: SLF001 - as above
