"""Tells a failure of the database from a fault in a statement."""

from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# The class of an exception says little: asyncmy raises OperationalError for every code it does not know, also for a
# missing column, and SQLAlchemy's asyncpg has no class for a deadlock. The database's own code decides.

SQLITE = (
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
    "SQLITE_CORRUPT",
    "SQLITE_FULL",
    "SQLITE_INTERRUPT",
    "SQLITE_IOERR",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_NOTADB",
    "SQLITE_PERM",
    "SQLITE_PROTOCOL",
    "SQLITE_READONLY",
)
"""Result codes, or their prefixes."""

POSTGRESQL = (
    "08",  # the connection, or a pooler in between
    "25006",  # read-only: a standby, or a disk that is filling up
    "25P03",  # idle in a transaction for too long
    "25P04",  # the transaction took too long
    "28",  # authentication
    "3D",  # no such database
    "40",  # serialization, deadlock
    "53",  # too many connections, no disk, no memory
    "55P03",  # lock timeout
    "57",  # cancelled by a time limit, shutting down, starting
    "58",  # input and output
    "F0",  # configuration
    "XX001",  # damaged data
    "XX002",  # a damaged index
)
"""SQLSTATEs, or their prefixes."""

MARIADB = {
    *range(1000),  # the operating system: no space left, no permission
    1004,  # a file cannot be created
    1016,  # a file cannot be opened
    1020,  # the row was changed meanwhile (innodb_snapshot_isolation)
    1021,  # disk full
    1024,  # a file cannot be read
    1026,  # a file cannot be written
    1028,  # a sort was aborted
    1030,  # the storage engine
    1034,  # a damaged index
    1035,  # likewise
    1037,  # out of memory
    1038,  # likewise, for a sort
    1040,  # too many connections
    1041,  # out of memory
    1042,  # our host's name cannot be resolved
    1043,  # handshake
    1044,  # no access to this database
    1045,  # access denied
    1047,  # a node of a cluster that is not ready
    1049,  # no such database
    1053,  # shutting down
    *range(1077, 1081),  # likewise
    1114,  # the table is full, or the disk
    1129,  # our host is blocked
    1130,  # our host is not allowed
    1135,  # no more threads
    1152,  # the connection was aborted
    *range(1154, 1162),  # the network
    1180,  # COMMIT failed
    1184,  # the connection was aborted
    1194,  # a damaged table
    1195,  # likewise
    1203,  # too many connections of this user
    1205,  # lock timeout
    1206,  # too many locks
    1213,  # deadlock
    1226,  # a resource limit of this user
    1290,  # read-only
    1317,  # interrupted
    1698,  # access denied
    1712,  # a damaged index
    1836,  # read-only
    1927,  # the connection was killed
    1969,  # the statement took too long
    *range(2000, 2100),  # the driver: no connection, or a lost one
    3024,  # MySQL: the statement took too long
    3032,  # MySQL: offline
    3572,  # MySQL: a lock is not free (NOWAIT)
    4031,  # MySQL: the connection was idle for too long
}
"""Error numbers; the SQLSTATE is `HY000` for most."""


REFUSED = "The database was reached and refused this statement: compare its tables with the revisions."
NO_RIGHT = {"42501", 1044, 1142, 1143, 1227, 1370}
FULL = {"53300", 1040, 1203, 1226}
READ_ONLY = {"25006", 1290, 1792, 1836, "SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY", "SQLITE_READONLY_DBMOVED"}


def means_database_is_away(error: BaseException) -> bool:
    """True if the database failed: unreachable, refusing connections, out of a resource, locked, too slow.

    False if it refused a statement, for a missing column or a missing right: that is a bug or a fault of the
    installation, and a retry would not help.
    """
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or failed_to_connect(error) or _is_of_the_database(error, error.orig)
    if isinstance(error, ConnectionError | TimeoutError | PoolTimeoutError):
        return True
    # A module may use the driver itself, without SQLAlchemy around it.
    return _driver(error) is not None and _is_of_the_database(error, error)


def failed_to_connect(error: BaseException) -> bool:
    """True if no connection was made: a wrong address, a wrong role, no server."""
    return isinstance(error, DBAPIError) and error.statement is None


def what_to_do(error: BaseException) -> str:
    """Advice for the operator of the database that raised this; empty if it was not the database."""
    codes = _codes(getattr(error, "orig", error))
    if codes & FULL:
        return "It takes no more connections: let it take more, or let each process have less (DATABASE_POOL_SIZE)."
    if failed_to_connect(error):
        return "Check DATABASE_URL, and whether the database is running."
    if codes & NO_RIGHT:
        return "The role in DATABASE_URL lacks a right: grant it. To migrate, it must own the tables or may alter them."
    if codes & READ_ONLY:
        return "The database can only be read: use the server, or the file, that takes writes."
    if means_database_is_away(error):
        return "The database was reached and failed: look at its own log, then try again."
    return REFUSED if isinstance(error, DBAPIError) else ""


def _is_of_the_database(error: BaseException, orig: Any) -> bool:
    driver = _driver(orig)
    if driver == "sqlite3" and hasattr(orig, "sqlite_errorname"):
        return str(orig.sqlite_errorname).startswith(SQLITE)
    if driver == "asyncpg":
        return _sqlstate(orig).startswith(POSTGRESQL)
    if driver == "asyncmy" and orig.args and isinstance(orig.args[0], int):
        return orig.args[0] in MARIADB
    return isinstance(error, OperationalError | InterfaceError)


def _driver(orig: Any) -> str | None:
    # By name: no driver is imported for it, and SQLAlchemy's wrapper around asyncpg counts as asyncpg.
    parts = type(orig).__module__.split(".")
    return next((one for one in ("sqlite3", "asyncpg", "asyncmy") if one in parts), None)


def _sqlstate(orig: Any) -> str:
    return str(getattr(orig, "sqlstate", None) or "")


def _codes(orig: Any) -> set[Any]:
    first = next(iter(getattr(orig, "args", ())), None)
    number = first if isinstance(first, int) else None
    return {_sqlstate(orig), getattr(orig, "sqlite_errorname", None), number}
