"""How long the database is waited for: each wait has a limit, and each limit is a setting."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

# A server that keeps its own limits is given so much longer to say so; one that hangs says nothing at all.
GRACE_SECONDS = 2


# Of PostgreSQL by SQLSTATE, of MariaDB by number, of SQLite by name: a statement, and a lock.
OVER_TIME = {"57014", "55P03", 1969, 1205, "SQLITE_INTERRUPT", "SQLITE_BUSY"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """All in seconds; None is no limit of ours, and then the one holds that the database's administrator has set."""

    connect: float = 5
    pool: float = 5
    """For one of the connections, when all of them are busy."""
    statement: float | None = 20
    lock: float | None = 5
    """For what another transaction has locked; on SQLite for the one place of a writer."""
    idle_in_transaction: float | None = 60
    """Of a transaction that does nothing. SQLite, where it stops all other writers, counts all of its time."""
    readiness: float = 1

    @property
    def answer(self) -> float | None:
        """How long the client waits for what the server should have ended before."""
        return None if self.statement is None else self.statement + GRACE_SECONDS


UNLIMITED = Waits(statement=None, lock=None, idle_in_transaction=None)
"""For migrations, which may take long and limit their locks themselves."""


def postgres_limits(waits: Waits) -> str:
    """What PostgreSQL limits by itself, as statements for its session; empty if nothing is."""
    limits = {
        "statement_timeout": waits.statement,
        "lock_timeout": waits.lock,
        "idle_in_transaction_session_timeout": waits.idle_in_transaction,
    }
    set_ = [f"SET {name} = {ceil(seconds * 1000)}" for name, seconds in limits.items() if seconds is not None]
    return "; ".join(set_)


def mariadb_limits(waits: Waits) -> str | None:
    """What MariaDB limits by itself, as a statement. Locks and idle transactions have whole seconds there."""
    limits: dict[str, float] = {}
    if waits.lock is not None:
        limits |= dict.fromkeys(("innodb_lock_wait_timeout", "lock_wait_timeout"), ceil(waits.lock))
    own: dict[str, float] = {}  # of MariaDB alone: for MySQL this is a comment
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
    """Let methods of SQLAlchemy's dialect, which talk to a server, raise TimeoutError when it does not answer."""
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
            await_only(limit.__aexit__(type(error), error, error.__traceback__))  # raises TimeoutError, if it was that
            raise
        await_only(limit.__aexit__(None, None, None))
        return result

    return call


def is_over_time(error: Exception) -> bool:
    """Whether it is a driver's exception for one of these limits."""
    said = {getattr(error, "sqlstate", None), getattr(error, "sqlite_errorname", None), *error.args[:1]}
    return not OVER_TIME.isdisjoint(said)


def give_up_connections_that_hang(engine: Engine) -> None:
    """What comes back on such a connection later must not be taken for the answer to another question."""
    event.listen(engine, "handle_error", _give_up)


def _give_up(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True
        # Each of the others is tried before it is used: that one hangs says nothing about them.
        context.invalidate_pool_on_disconnect = False
