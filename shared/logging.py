"""One log for everything: lines for people in development, one JSON object a line elsewhere."""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from shared.request import current_request
from shared.tracebacks import format_exception


class _Handler(logging.StreamHandler[TextIO]):
    """Ours: replaced when logging is configured again, while other people's handlers stay."""


def configure_logging(*, as_json: bool, debug: bool = False) -> None:
    """Send structlog and the standard library's records (uvicorn's, SQLAlchemy's, Alembic's) to stderr, in one form."""
    shared: list[Processor] = [
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        final += [structlog.processors.ExceptionRenderer(_to_text), structlog.processors.JSONRenderer()]
    else:
        final += [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_to_console)]
    handler = _Handler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [*(other for other in root.handlers if not isinstance(other, _Handler)), handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        # Below that it writes the headers of a websocket's handshake, and with them the token.
        logger.setLevel(max(logger.level, logging.INFO))
    # Our own access log has the request id and escapes what clients send.
    uvicorn_access = logging.getLogger("uvicorn.access")
    uvicorn_access.handlers.clear()
    uvicorn_access.propagate = False
    for noisy in ("watchfiles", "aiosqlite", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Its warnings are MariaDB's, in words that quote the values of a statement.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)


def _add_request_id(_logger: Any, _method: str, event: EventDict) -> EventDict:
    if request_id := current_request.get().id:
        event["request_id"] = request_id
    return event


def _to_text(exc_info: ExcInfo) -> str:
    return format_exception(exc_info[1])


def _to_console(sio: TextIO, exc_info: ExcInfo) -> None:
    # The pretty formatters print local variables, and among those are passwords.
    sio.write(f"\n{_to_text(exc_info)}")
