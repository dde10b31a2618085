"""Whether it is the database that failed, or what was asked of it."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


def means_database_is_away(error: Exception) -> bool:
    """Whether it is the database that failed: not to be reached, refusing us, out of connections, or locked."""
    # Without a statement it happened while connecting: a wrong name, a wrong role.
    if isinstance(error, DBAPIError) and (error.connection_invalidated or error.statement is None):
        return True
    # While connecting, the network's and asyncpg's own exceptions reach us as they are, not wrapped.
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("asyncpg."):
        return True
    # SQLite says OperationalError to wrong SQL as well; that is our fault, not the database's.
    if isinstance(error, OperationalError) and getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR":
        return False
    return isinstance(error, OperationalError | InterfaceError | PoolTimeoutError)
