"""Adds backpressure to asyncmy: rows stay at the server until they are fetched."""

from typing import Any

from asyncmy import connection

BUFFER_BYTES = 2**18
"""As much as asyncmy reads at once."""


class _Protocol(connection._MySQLProtocol):  # type: ignore[misc, name-defined]  # noqa: SLF001 - it offers no other way
    """The original reads as fast as the server sends: a whole table, if that is streamed."""

    length: int
    pos: int
    transport: Any
    _is_paused = False

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        if self.length - self.pos > BUFFER_BYTES and self.transport is not None:
            self.transport.pause_reading()
            self._is_paused = True

    async def wait_for_data(self, need: int) -> None:
        if self._is_paused and self.transport is not None:
            self._is_paused = False
            self.transport.resume_reading()
        await super().wait_for_data(need)


def take_rows_when_they_are_asked_for() -> None:
    """Change all connections that are opened from now on."""
    connection._MySQLProtocol = _Protocol  # type: ignore[attr-defined]  # noqa: SLF001 - as above
