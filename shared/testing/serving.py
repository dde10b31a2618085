"""A server in the process of the test, for websockets and whole streams, which an in-process client cannot do."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C ends the tests, not this server."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve on a free port; yields host and port. Connections that are left are closed at the end."""
    # The lifespan would check the database and close the containers; here the fixtures do both.
    server = _Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listening:  # connections wait there until the server is ready
        running = asyncio.create_task(server.serve([listening]))
        try:
            yield "{}:{}".format(*listening.getsockname())
        finally:
            server.should_exit = True
            await running
