"""Makes an existing account an administrator, for the operator of the service."""

from dataclasses import dataclass

from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import CannotPromote
from modules.auth.locks import lock_account, lock_roles
from modules.auth.models import ADMIN, UserRole
from modules.auth.roles.administrators import grant_role
from modules.auth.voiding import void_everything
from modules.users import User, UserServiceFactory
from shared.clock import Clock
from shared.database import Database


@dataclass(slots=True, kw_only=True)
class PromotionService:
    """Does not trust an account for its address alone: whoever registered it first chose the password."""

    database: Database
    users: UserServiceFactory
    audit: AuditTrail
    clock: Clock

    async def require_free(self, email: str) -> None:
        """Raises CannotPromote if the address has an account."""
        async with self.database.read() as session:
            holder = await self.users(session).find_by_email(email)
        if holder is not None:
            raise CannotPromote(
                f"{_shown(holder.email)} has an account already, and nothing was changed. Whoever registered it chose "
                "its password, and may be somebody else. Choose another address; or, if the account is the right one "
                "and its address is confirmed, make it an administrator with --promote."
            )

    async def promote(self, email: str) -> bool:
        """Give the account of this address the role `admin`, and end all its sessions and links.

        Returns:
            False if it has the role already; nothing happens then.

        Raises:
            CannotPromote: There is no such account; its address is written in another way, or not confirmed; or it is
                not active.
        """
        async with self.database.transaction() as session:
            await lock_roles(session)
            holder = await self.users(session).find_by_email(email)
            if holder is None:
                raise CannotPromote(f"{_shown(email)} has no account. Leave out --promote to create one.")
            await lock_account(session, holder.id)
            # The row may have changed while this waited.
            await session.refresh(holder)
            _require_proven(holder, email)
            if await session.get(UserRole, (holder.id, ADMIN)) is not None:
                return False
            await grant_role(session, holder.id, ADMIN, self.clock())
            await void_everything(session, holder.id, "promoted", self.clock())
            self.audit.record(session, "administrator_created", user_id=holder.id, promoted=True)
            return True


def _require_proven(holder: User, email: str) -> None:
    if holder.email != email:
        raise CannotPromote(
            f"The account that would be found is {_shown(holder.email)}, which is not letter for letter "
            f"{_shown(email)}. Look closely whose it is, and type the address of the account you mean."
        )
    if not holder.is_active:
        raise CannotPromote(f"{_shown(email)} is deactivated. If it is the right account, activate it first.")
    if not holder.email_verified:
        raise CannotPromote(
            f"Nobody has confirmed that {_shown(email)} is theirs: whoever registered it may be somebody else. Have "
            "its owner confirm it first, with the link that POST /api/auth/email/verify/request mails."
        )


def _shown(email: str) -> str:
    """The address, with the numbers of letters outside of ASCII, which may look alike."""
    return email if email.isascii() else f"{email} ({ascii(email)[1:-1]})"
