from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.container import Container
from modules.auth.locks import lock_account
from modules.auth.models import USER, UserRole
from modules.auth.roles.administrators import keep_an_administrator
from modules.auth.voiding import void_everything, void_links
from modules.users import (
    UserAboutToChange,
    UserActivated,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserEmailCorrected,
    UserInvited,
)
from shared.context import current_request
from shared.events import ApplicationStarted, EventHandlers

handlers = EventHandlers()


@handlers.on(ApplicationStarted)
async def make_first_administrator(_event: ApplicationStarted, session: AsyncSession, container: Container) -> None:
    await container.first_administrator().run(session)


@handlers.on(UserCreated)
async def grant_user_role(event: UserCreated, session: AsyncSession, _container: Container) -> None:
    session.add(UserRole(user_id=event.user_id, role_name=USER))


@handlers.on(UserInvited)
async def mail_invitation(event: UserInvited, session: AsyncSession, container: Container) -> None:
    await container.invitation_service(session=session).invite(event.user_id)


@handlers.on(UserEmailCorrected)
async def follow_correction(event: UserEmailCorrected, session: AsyncSession, container: Container) -> None:
    await container.invitation_service(session=session).follow_correction(event.user_id, event.email)


@handlers.on(UserAboutToChange)
async def require_authority(event: UserAboutToChange, session: AsyncSession, container: Container) -> None:
    await container.authority().require_over_user(session, event.user_id)


@handlers.on(UserChanged)
async def note_change_by_another(event: UserChanged, session: AsyncSession, container: Container) -> None:
    caller = current_request.get().principal
    if caller is None or caller.user_id != event.user_id:
        container.audit().record(session, "account_changed", user_id=event.user_id, fields=list(event.fields))


@handlers.on(UserDeactivated)
async def end_everything_of_deactivated(event: UserDeactivated, session: AsyncSession, container: Container) -> None:
    await _let_go(session, event.user_id)
    await void_everything(session, event.user_id, "deactivated", container.shared.clock()())
    container.audit().record(session, "account_deactivated", user_id=event.user_id)


@handlers.on(UserActivated)
async def note_activation(event: UserActivated, session: AsyncSession, container: Container) -> None:
    # A link that was requested during the deactivation may have been made after it. The account is locked first, as
    # when a link is used.
    await lock_account(session, event.user_id)
    await void_links(session, event.user_id)
    container.audit().record(session, "account_activated", user_id=event.user_id)


@handlers.on(UserDeleted)
async def note_deletion(event: UserDeleted, session: AsyncSession, container: Container) -> None:
    # Credentials, sessions and roles go with the user by their foreign keys; the audit trail stays.
    await _let_go(session, event.user_id)
    container.audit().record(session, "account_deleted", user_id=event.user_id)


async def _let_go(session: AsyncSession, user_id: UUID) -> None:
    await keep_an_administrator(session, without=user_id)
    await lock_account(session, user_id)
