"""The layers around every request, in their order."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.client import with_mapped
from shared.head import HeadMiddleware
from shared.logging import access_logger
from shared.middleware import (
    REQUEST_ID,
    AuthMiddleware,
    BodyLimitMiddleware,
    CatchAllMiddleware,
    HostMiddleware,
    RequestContextMiddleware,
)
from shared.settings import Settings


def layers(settings: Settings) -> list[Middleware]:
    """Outermost first."""
    cross_origin = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("Authorization", "Content-Type", REQUEST_ID),
        expose_headers=(REQUEST_ID, "Retry-After"),
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
        Middleware(HostMiddleware, allowed_hosts=settings.allowed_hosts, allowed_origins=settings.cors_origins),
        *([cross_origin] if settings.cors_origins else []),
        Middleware(CatchAllMiddleware),
        Middleware(BodyLimitMiddleware, max_body_bytes=settings.max_body_bytes),
        Middleware(AuthMiddleware),
    ]
