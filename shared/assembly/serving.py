"""The server that `bootstrap.py` starts."""

import sys
from typing import Any

import uvicorn

from shared.assembly.supervisor import Supervisor
from shared.project import ROOT
from shared.settings.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until a signal ends it, with as many workers as WEB_CONCURRENCY says."""
    options: dict[str, Any] = {
        "app_dir": str(ROOT),
        "host": settings.app_host,
        "port": settings.app_port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # TRUSTED_PROXIES decides
    }
    if settings.app_env == "development":
        uvicorn.run("bootstrap:app", **options, reload=True, reload_dirs=[str(ROOT)])
        return
    config = uvicorn.Config("bootstrap:app", **{name: value for name, value in options.items() if name != "app_dir"})
    if config.workers == 1:
        uvicorn.run("bootstrap:app", **options)
        return
    supervisor = Supervisor(config, [config.bind_socket()], shutdown_timeout=settings.shutdown_timeout_seconds)
    supervisor.run()
    sys.exit(supervisor.exit_code)
