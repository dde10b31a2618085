from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from modules.auth.models import UserRole
from modules.users import User
from shared.context import Principal
from shared.database import Database
from shared.errors import NotAuthenticated


@dataclass(slots=True, kw_only=True)
class CallerService:
    """What a caller may learn about the own access. It asks the database, and so costs no other request anything."""

    database: Database

    async def roles_and_locale(self, caller: Principal) -> tuple[Sequence[str], str]:
        """Raises NotAuthenticated: the account was deleted just now."""
        query = (
            select(User.locale, UserRole.role_name)
            .outerjoin(UserRole, UserRole.user_id == User.id)
            .where(User.id == caller.user_id)
        )
        async with self.database.read() as session:
            rows = (await session.execute(query)).all()
        if not rows:
            raise NotAuthenticated(token_was_sent=True)
        return sorted(row.role_name for row in rows if row.role_name is not None), rows[0].locale
