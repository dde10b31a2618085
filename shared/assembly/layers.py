"""The middleware around every request, in order."""

from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.access.enforcement import AuthMiddleware
from shared.assembly.discovery import Modules
from shared.http.client import with_mapped
from shared.logging.setup import access_logger
from shared.middleware.body import BodyMiddleware
from shared.middleware.catch_all import CatchAllMiddleware
from shared.middleware.cors import CrossOriginMiddleware, Origins
from shared.middleware.deadline import DeadlineMiddleware
from shared.middleware.head import HeadMiddleware
from shared.middleware.head_limits import HeadLimitMiddleware
from shared.middleware.hosts import HostMiddleware
from shared.middleware.request_context import RequestContextMiddleware
from shared.settings.settings import Settings
from shared.translations import Texts


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
            texts=Texts(module.path for module in modules.values()),
        ),
        Middleware(HeadLimitMiddleware, max_bytes=settings.max_head_bytes),
        Middleware(HeadMiddleware),
        Middleware(HostMiddleware, allowed_hosts=settings.allowed_hosts, allowed_origins=origins),
        cross_origin,
        Middleware(CatchAllMiddleware),
        Middleware(DeadlineMiddleware, seconds=settings.request_timeout_seconds),
        Middleware(AuthMiddleware),
        # Inside AuthMiddleware, so that no byte of a refused request's body is read.
        Middleware(
            BodyMiddleware,
            max_bytes=settings.max_body_bytes,
            max_public_bytes=settings.max_public_body_bytes,
            timeout=settings.body_timeout_seconds,
            public_limit=settings.public_limit_per_address,
        ),
    ]
