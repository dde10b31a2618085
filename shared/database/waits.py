"""Time limits for everything that waits for the database; each limit is a setting."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

# A server that enforces its own limits gets this much longer to report it; one that hangs reports nothing.
GRACE_SECONDS = 2


# Timeouts of statements and locks: PostgreSQL's by SQLSTATE, MariaDB's by number, SQLite's by name.
OVER_TIME = {"57014", "55P03", 1969, 1205, "SQLITE_INTERRUPT", "SQLITE_BUSY"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """All in seconds. None sets no limit, and the database's own configuration applies."""

    connect: float = 5
    pool: float = 5
    """For a connection, when all are busy."""
    statement: float | None = 20
    lock: float | None = 5
    """For a lock of another transaction; on SQLite for the turn to write."""
    idle_in_transaction: float | None = 60
    """For an idle transaction; on SQLite, where it blocks all other writers, for the whole transaction."""
    readiness: float = 1

    @property
    def answer(self) -> float | None:
        """The client's own limit, which takes effect if the server does not enforce its limit."""
        return None if self.statement is None else self.statement + GRACE_SECONDS


UNLIMITED = Waits(statement=None, lock=None, idle_in_transaction=None)
"""For migrations, which may take long and limit their locks themselves."""


def postgres_limits(waits: Waits) -> str:
    """SET statements for the limits that PostgreSQL enforces; empty if there are none."""
    limits = {
        "statement_timeout": waits.statement,
        "lock_timeout": waits.lock,
        "idle_in_transaction_session_timeout": waits.idle_in_transaction,
    }
    set_ = [f"SET {name} = {ceil(seconds * 1000)}" for name, seconds in limits.items() if seconds is not None]
    return "; ".join(set_)


def mariadb_limits(waits: Waits) -> str | None:
    """A SET statement for the limits that MariaDB enforces; those of locks and idle transactions in whole seconds."""
    limits: dict[str, float] = {}
    if waits.lock is not None:
        limits |= dict.fromkeys(("innodb_lock_wait_timeout", "lock_wait_timeout"), ceil(waits.lock))
    own: dict[str, float] = {}  # only MariaDB: MySQL reads it as a comment
    if waits.statement is not None:
        own["max_statement_time"] = waits.statement
    if waits.idle_in_transaction is not None:
        own["idle_transaction_timeout"] = ceil(waits.idle_in_transaction)
    known = ", ".join(f"{name}={value}" for name, value in limits.items())
    if not own:
        return f"SET SESSION {known}" if known else None
    of_mariadb = ", ".join(f"{name}={value}" for name, value in own.items())
    return f"SET SESSION {known} /*M! , {of_mariadb} */" if known else f"/*M! SET SESSION {of_mariadb} */"


def bound(dialect: Any, seconds: float | None, methods: Iterable[str]) -> None:
    """Make methods of SQLAlchemy's dialect raise TimeoutError when the server does not answer."""
    if seconds is not None:
        for name in methods:
            setattr(dialect, name, _bounded(getattr(dialect, name), seconds))


def _bounded(method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if not in_greenlet():
            return method(*arguments, **named)
        limit = asyncio.timeout(seconds)
        await_only(limit.__aenter__())
        try:
            result = method(*arguments, **named)
        except BaseException as error:
            await_only(limit.__aexit__(type(error), error, error.__traceback__))  # raises TimeoutError on timeout
            raise
        await_only(limit.__aexit__(None, None, None))
        return result

    return call


def is_over_time(error: Exception) -> bool:
    """True for a driver's exception about one of these limits."""
    said = {getattr(error, "sqlstate", None), getattr(error, "sqlite_errorname", None), *error.args[:1]}
    return not OVER_TIME.isdisjoint(said)


def give_up_connections_that_hang(engine: Engine) -> None:
    """Discard a connection that timed out: a late answer must not be taken for another query's."""
    event.listen(engine, "handle_error", _give_up)


def _give_up(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True
        # Keep the others: each is checked before it is used, and one that hangs says nothing about them.
        context.invalidate_pool_on_disconnect = False
