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
    """Reads a caller's own roles, in a query of its own, so that no other request pays for it."""

    database: Database

    async def roles_and_locale(self, caller: Principal) -> tuple[Sequence[str], str]:
        """Raises NotAuthenticated if the account has just been deleted."""
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
