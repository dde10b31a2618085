"""Tables, sessions, and what each database needs."""

from shared.database.constraints import failing_as
from shared.database.models import Base, Id, UtcDateTime
from shared.database.sessions import Database, Session, Sessions, after_commit

__all__ = [
    "Base",
    "Database",
    "Id",
    "Session",
    "Sessions",
    "UtcDateTime",
    "after_commit",
    "failing_as",
]
