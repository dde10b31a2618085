"""The server, as `bootstrap.py` starts it."""

import uvicorn

from shared.addresses import ROOT
from shared.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until somebody ends it."""
    uvicorn.run(
        "bootstrap:app",
        app_dir=str(ROOT),
        host=settings.app_host,
        port=settings.app_port,
        reload=settings.app_env == "development",
        reload_dirs=[str(ROOT)],
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES decides
    )
