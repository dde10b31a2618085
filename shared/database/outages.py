"""Whether it is the database that failed, or what was asked of it."""

from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# The class of an exception says little: asyncmy has OperationalError for all it does not know, a column that is
# missing among them, and asyncpg has nothing of its own for a deadlock. What the database itself says decides.

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
"""Result codes, or what they begin with."""

POSTGRESQL = (
    "08",  # the connection, or a pooler in between
    "25006",  # read-only: a standby, or a disk that is filling up
    "25P03",  # idle in a transaction for too long
    "25P04",  # the transaction took too long
    "28",  # who we say we are
    "3D",  # there is no such database
    "40",  # serialization, deadlock
    "53",  # too many connections, no disk, no memory
    "55P03",  # a lock was not to be had in time
    "57",  # cancelled by a time limit, shutting down, starting
    "58",  # input and output
    "F0",  # its configuration
    "XX001",  # damaged data
    "XX002",  # a damaged index
)
"""SQLSTATEs, or what they begin with."""

MARIADB = {
    *range(1000),  # its files: no space left, no permission
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
    1042,  # our host has no name
    1043,  # handshake
    1044,  # no access to this database
    1045,  # no access at all
    1047,  # a node of a cluster that is not ready
    1049,  # there is no such database
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
    1205,  # a lock was not to be had in time
    1206,  # too many locks
    1213,  # deadlock
    1226,  # a limit of this user
    1290,  # read-only
    1317,  # interrupted
    1698,  # no access at all
    1712,  # a damaged index
    1836,  # read-only
    1927,  # the connection was killed
    1969,  # the statement took too long
    *range(2000, 2100),  # the driver's own: no connection, or none any more
    3024,  # MySQL: the statement took too long
    3032,  # MySQL: offline
    3572,  # MySQL: a lock was not to be had at once
    4031,  # MySQL: the connection was idle for too long
}
"""Error numbers; the SQLSTATE is `HY000` for most."""


REFUSED = "The database was reached and refused this statement: compare its tables with the revisions."
NO_RIGHT = {"42501", 1044, 1142, 1143, 1227, 1370}
FULL = {"53300", 1040, 1203, 1226}
READ_ONLY = {"25006", 1290, 1792, 1836, "SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY", "SQLITE_READONLY_DBMOVED"}


def means_database_is_away(error: BaseException) -> bool:
    """Whether it is the database that failed: not to be reached, refusing us, out of something, locked, too slow.

    What it refuses for what was asked is none of these, a column that does not exist as little as a missing right:
    that is a bug, or a fault of the installation, and to try again would not help.
    """
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or failed_to_connect(error) or _is_of_the_database(error, error.orig)
    if isinstance(error, ConnectionError | TimeoutError | PoolTimeoutError):
        return True
    # A module may use the driver itself, without SQLAlchemy around it.
    return _driver(error) is not None and _is_of_the_database(error, error)


def failed_to_connect(error: BaseException) -> bool:
    """Whether there was no connection to begin with: a wrong address, a wrong role, nobody there."""
    return isinstance(error, DBAPIError) and error.statement is None


def what_to_do(error: BaseException) -> str:
    """For whoever has to make a database usable that has just raised this; empty if it was not the database."""
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
    # By name: none of them is loaded for it, and SQLAlchemy's own shell around asyncpg counts as that.
    parts = type(orig).__module__.split(".")
    return next((one for one in ("sqlite3", "asyncpg", "asyncmy") if one in parts), None)


def _sqlstate(orig: Any) -> str:
    return str(getattr(orig, "sqlstate", None) or "")


def _codes(orig: Any) -> set[Any]:
    first = next(iter(getattr(orig, "args", ())), None)
    number = first if isinstance(first, int) else None
    return {_sqlstate(orig), getattr(orig, "sqlite_errorname", None), number}
