from fastapi import APIRouter, Request

from modules.system.dependencies import ReadinessCheck
from modules.system.errors import NotReady
from modules.system.schemas import Health, Index, Readiness
from shared.access import Public
from shared.container import Runtime
from shared.openapi import failures
from shared.responses import ApiResponse, success

router = APIRouter()
# Mounted at the top, not below /api.
root_router = APIRouter()


@root_router.get("/", dependencies=[Public("says what is running here, and nothing that a caller could use")])
async def get_index(request: Request) -> ApiResponse[Index]:
    runtime: Runtime = request.app.state.runtime
    settings = runtime.shared.settings()
    return success(Index(name=settings.app_name, env=settings.app_env, version=request.app.version))


@router.get("/health", dependencies=[Public("asked by the process manager; touches nothing but the process")])
async def get_health() -> ApiResponse[Health]:
    return success(Health())


@router.get("/ready", dependencies=[Public("asked by the load balancer")], responses=failures(NotReady))
async def get_readiness(readiness: ReadinessCheck) -> ApiResponse[Readiness]:
    return success(await readiness.check())
