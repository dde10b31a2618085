"""Invites users for whom an administrator has made an account."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.audit.trail import AuditTrail
from modules.auth.errors import NotInvited
from modules.auth.locks import lock_account
from modules.auth.mail.mailer import AuthMailer
from modules.auth.mail.tokens import MailTokens
from modules.auth.models import Credential
from modules.auth.roles.authority import Authority
from modules.auth.settings import Settings
from modules.auth.voiding import void_everything, void_links
from modules.users import OwnEmail, UserServiceFactory
from shared.clock import Clock
from shared.context import current_request
from shared.throttle import Count, Throttle, succeeded


@dataclass(slots=True, kw_only=True)
class InvitationService:
    """Works within the caller's session."""

    session: AsyncSession
    users: UserServiceFactory
    tokens: MailTokens
    mailer: AuthMailer
    authority: Authority
    throttle: Throttle
    audit: AuditTrail
    settings: Settings
    clock: Clock

    async def invite(self, user_id: UUID, *, to: str | None = None) -> None:
        """Mail a link to choose a first password, to the user's address or to `to`, which is about to replace it."""
        user = await self.users(self.session).get(user_id)
        ttl, email = self.settings.invitation_ttl, to or user.email
        token = await self.tokens.issue(self.session, user_id, "invitation", email=email, ttl=ttl)
        self.audit.record(self.session, "account_invited", user_id=user_id)
        self.mailer.post_link(self.session, "accept_invitation", user, to=email, token=token, ttl=ttl)

    async def invite_again(self, user_id: UUID) -> None:
        """Mail another link; the earlier ones are void.

        Raises:
            UserNotFound: User not found.
            UserOutOfReach: The user may do more than the caller.
            NotInvited: The user has a password, or is not active.
            TooManyRequests: The user has had enough mails for now.
        """
        await self.authority.require_over_user(self.session, user_id)
        await lock_account(self.session, user_id)
        if await self._has_password(user_id):
            raise NotInvited
        if not (await self.users(self.session).get(user_id)).is_active:
            raise NotInvited("This user is deactivated; activate the account before you invite again.")
        mails = Count(self.settings.mail_limit_per_account, "mail", str(user_id), stands=succeeded)
        async with self.throttle.attempt(mails):
            await void_links(self.session, user_id, "invitation")
            await self.invite(user_id)

    async def follow_correction(self, user_id: UUID, email: str) -> None:
        """Void all sessions and links of a user whose address somebody else is changing.

        A user who has not accepted yet is invited again, at the new address; others get a notice at the old one.

        Raises:
            OwnEmail: The user is the caller, who needs the password for it, since the address can reset that.
        """
        caller = current_request.get().principal
        if caller is not None and caller.user_id == user_id:
            raise OwnEmail
        await lock_account(self.session, user_id)
        user = await self.users(self.session).get(user_id)
        # The row may have changed while this waited.
        await self.session.refresh(user)
        await void_everything(self.session, user_id, "email_corrected", self.clock())
        self.audit.record(self.session, "email_changed", user_id=user_id, corrected=True)
        if await self._has_password(user_id):
            self.mailer.post_notice(self.session, "email_changed", user, to=user.email)
        elif user.is_active:
            await self.invite(user_id, to=email)

    async def _has_password(self, user_id: UUID) -> bool:
        return await self.session.get(Credential, user_id) is not None
