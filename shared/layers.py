"""The layers around every request, in their order."""

from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.client import with_mapped
from shared.cors import CrossOriginMiddleware, Origins
from shared.discovery import Modules
from shared.head import HeadMiddleware
from shared.hosts import HostMiddleware
from shared.logging import access_logger
from shared.middleware import (
    AuthMiddleware,
    BodyLimitMiddleware,
    CatchAllMiddleware,
    RequestContextMiddleware,
)
from shared.settings import Settings


def layers(settings: Settings, modules: Modules) -> list[Middleware]:
    """Outermost first."""
    origins = Origins(settings.cors_origins, are_local_welcome=settings.app_env == "development")
    cross_origin = Middleware(
        CrossOriginMiddleware, origins=origins, headers=modules.cors_headers, exposed=modules.cors_exposed
    )
    behind_proxies = Middleware(ProxyHeadersMiddleware, trusted_hosts=with_mapped(settings.trusted_proxies))
    return [
        *([behind_proxies] if settings.trusted_proxies else []),
        Middleware(
            RequestContextMiddleware,
            is_production=settings.is_production,
            log=access_logger(as_json=settings.logs_are_json),
            client_ipv6_prefix=settings.client_ipv6_prefix,
        ),
        Middleware(HeadMiddleware),
        Middleware(HostMiddleware, allowed_hosts=settings.allowed_hosts, allowed_origins=origins),
        cross_origin,
        Middleware(CatchAllMiddleware),
        Middleware(BodyLimitMiddleware, max_body_bytes=settings.max_body_bytes),
        Middleware(AuthMiddleware),
    ]
