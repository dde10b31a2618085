"""Recognises a statement that is too large for MariaDB, which closes the connection as if it had failed."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from shared.database.waits import bound

TOO_LARGE = 1153
LIMIT = "max_allowed_packet"


class StatementTooLarge(Exception):
    """A fault of the installation: clients may send more than the database accepts."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"a statement of {size} bytes is more than MariaDB's {LIMIT}, {limit} bytes: raise that, "
            "or let clients send less (MAX_BODY_BYTES)"
        )


def name_what_is_too_large(engine: Engine, *, seconds: float) -> None:
    """Raise StatementTooLarge. The server's own error, 1153, arrives only if the connection does not break before."""
    packets = _Packets()
    bound(packets, seconds, ["ask"])
    event.listen(engine, "connect", packets.ask)
    event.listen(engine, "handle_error", _name)


class _Packets:
    def ask(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SELECT @@{LIMIT}")
        record.info[LIMIT] = next(iter(cursor.fetchone() or ()))
        cursor.close()


def _name(context: ExceptionContext) -> None:
    if context.connection is None or context.statement is None:
        return
    size = sum(_sizes(context.statement, context.parameters))
    limit = context.connection.info[LIMIT]
    is_said = next(iter(context.original_exception.args), None) == TOO_LARGE
    if is_said or (context.is_disconnect and size > limit):
        context.is_disconnect = True
        raise StatementTooLarge(size, limit)


def _sizes(*values: Any) -> Iterator[int]:
    for value in values:
        if isinstance(value, dict):
            yield from _sizes(*value.values())
        elif isinstance(value, list | tuple):
            yield from _sizes(*value)
        elif isinstance(value, str | bytes):
            yield len(value.encode("utf-8", "replace") if isinstance(value, str) else value)
