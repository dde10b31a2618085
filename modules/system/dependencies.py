from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from modules.system.container import Container
from modules.system.services import ReadinessService
from shared.container import container_of


async def _readiness(connection: HTTPConnection) -> ReadinessService:
    return container_of(connection, Container).readiness_service()


ReadinessCheck = Annotated[ReadinessService, Depends(_readiness)]
