from fastapi import APIRouter, Request

from modules.system.dependencies import ReadinessCheck
from modules.system.errors import NotReady
from modules.system.schemas import Health, Readiness, ServiceInfo
from shared.access import Public
from shared.application import part_of
from shared.container import Runtime
from shared.http import ApiResponse, failures, success

router = APIRouter()
# Mounted at the top, not below /api.
root_router = APIRouter()


@root_router.get(
    "/",
    summary="See what is running here",
    dependencies=[Public("says what is running here, and nothing that a caller could use")],
)
async def get_index(request: Request) -> ApiResponse[ServiceInfo]:
    """The name of the service, where it runs, and its version."""
    settings = part_of(request.app, Runtime).shared.settings()
    return success(ServiceInfo(name=settings.app_name, env=settings.app_env, version=request.app.version))


@router.get(
    "/health",
    summary="Ask whether the process answers",
    dependencies=[Public("asked by the process manager; touches nothing but the process")],
)
async def get_health() -> ApiResponse[Health]:
    """For the process manager. It checks nothing but the process, so it says nothing about the database."""
    return success(Health())


@router.get(
    "/ready",
    summary="Ask whether the service can work",
    dependencies=[Public("asked by the load balancer")],
    responses=failures(NotReady),
)
async def get_readiness(readiness: ReadinessCheck) -> ApiResponse[Readiness]:
    """For the load balancer: whether the database answers, and has this code's revisions. Newer ones do no harm."""
    return success(await readiness.check())
