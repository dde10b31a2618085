from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from modules.users.container import Container
from modules.users.services import UserService
from shared.container import container_of
from shared.database import Session


async def _users(connection: HTTPConnection, session: Session) -> UserService:
    return container_of(connection, Container).user_service(session)


Users = Annotated[UserService, Depends(_users)]
