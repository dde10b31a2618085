from typing import Annotated

from fastapi import Depends

from modules.system.container import Container
from modules.system.services import ReadinessService
from shared.container import provided

ReadinessCheck = Annotated[ReadinessService, Depends(provided(Container.readiness_service))]
