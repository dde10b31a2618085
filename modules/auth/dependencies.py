from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from modules.auth.container import Container
from modules.auth.services.login import LoginService
from modules.auth.services.registration import RegistrationService
from modules.auth.services.sessions import Device, SessionService
from shared.container import container_of


async def _login(connection: HTTPConnection) -> LoginService:
    return container_of(connection, Container).login_service()


async def _registration(connection: HTTPConnection) -> RegistrationService:
    return container_of(connection, Container).registration_service()


async def _sessions(connection: HTTPConnection) -> SessionService:
    return container_of(connection, Container).session_service()


async def _device(connection: HTTPConnection) -> Device:
    return Device(connection.client.host if connection.client else None, connection.headers.get("user-agent"))


Login = Annotated[LoginService, Depends(_login)]
Registration = Annotated[RegistrationService, Depends(_registration)]
Sessions = Annotated[SessionService, Depends(_sessions)]
CallingDevice = Annotated[Device, Depends(_device)]
