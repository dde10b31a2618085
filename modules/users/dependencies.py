from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from modules.users.container import Container
from modules.users.errors import UserNotFound
from modules.users.models import User
from modules.users.profile import Profile
from modules.users.services import UserService
from shared.application import part_of
from shared.container import container_of, provided
from shared.context import Principal
from shared.database import Database
from shared.errors import NotAuthenticated


async def profile_of(connection: HTTPConnection, caller: Principal) -> Profile | User:
    """The caller's own account, which is read only if the authenticator has not done so.

    A plain call, not a FastAPI dependency: most requests need no session for it.

    Raises:
        NotAuthenticated: The account has just been deleted.
    """
    if (known := caller.find(Profile)) is not None:
        return known
    async with part_of(connection.app, Database).read() as session:
        try:
            return await container_of(connection, Container).user_service(session).get(caller.user_id)
        except UserNotFound:
            raise NotAuthenticated(token_was_sent=True) from None


Users = Annotated[UserService, Depends(provided(Container.user_service))]
