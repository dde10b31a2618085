from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.container import Container
from modules.auth.models import USER, Credential, UserRole
from modules.auth.services.sessions import end_sessions
from modules.users import UserCreated, UserDeactivated
from shared.events import EventHandlers

handlers = EventHandlers()


@handlers.on(UserCreated)
async def grant_user_role(event: UserCreated, session: AsyncSession, _container: Container) -> None:
    session.add(UserRole(user_id=event.user_id, role_name=USER))


@handlers.on(UserDeactivated)
async def end_sessions_of_deactivated(event: UserDeactivated, session: AsyncSession, container: Container) -> None:
    # The version also voids a login that has checked its password already and is just about to open a session.
    await session.execute(
        update(Credential)
        .where(Credential.user_id == event.user_id)
        .values(auth_version=Credential.auth_version + 1)
        .execution_options(synchronize_session=False)
    )
    await end_sessions(session, event.user_id, "deactivated", container.shared.clock()())
