"""One log for everything: lines for people in development, one JSON object a line elsewhere."""

import json
import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor

from shared.context import current_request
from shared.logging.tracebacks import format_exception


class _Handler(logging.StreamHandler[TextIO]):
    """Our own handler. Configuring the log again replaces it, and keeps all other handlers."""


class _Stderr:
    """A logger that writes the output of the processors, and nothing else."""

    def __init__(self, name: str) -> None:
        self.name = name

    def info(self, line: str) -> None:
        # As in the standard library: an error while logging must not fail the request.
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")


def access_logger(*, as_json: bool) -> FilteringBoundLogger:
    """The logger for the access log: in the same form as all other lines, but without the standard library.

    That takes three times as long for a line, and its handlers, error reporters for example, do not need these lines.
    """
    logger = structlog.wrap_logger(
        _Stderr("access"),
        processors=[*_facts(), *_rendering(as_json=as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    bound: FilteringBoundLogger = logger.bind()
    return bound


def configure_logging(*, as_json: bool, debug: bool = False) -> None:
    """Send structlog and the standard library's records (uvicorn's, SQLAlchemy's, Alembic's) to stderr, in one form."""
    formatter = structlog.stdlib.ProcessorFormatter
    handler = _Handler(sys.stderr)
    handler.setFormatter(
        formatter(
            foreign_pre_chain=_facts(),
            processors=[formatter.remove_processors_meta, *_rendering(as_json=as_json)],
        )
    )
    structlog.configure(
        processors=[*_facts(), formatter.wrap_for_formatter],
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
        # At DEBUG it logs the headers of a websocket's handshake, and with them the token.
        logger.setLevel(max(logger.level, logging.INFO))
    # Our own access log has the request id and escapes what clients send.
    uvicorn_access = logging.getLogger("uvicorn.access")
    uvicorn_access.handlers.clear()
    uvicorn_access.propagate = False
    for noisy in ("watchfiles", "aiosqlite", "asyncio", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Its warnings are MariaDB's, and quote the values of a statement.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)


def _facts() -> list[Processor]:
    return [
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _rendering(*, as_json: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.ExceptionRenderer(_to_text), structlog.processors.JSONRenderer(_to_json)]
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_to_console)]


# Kept, as json.dumps with `default` makes a new encoder for each line.
_JSON = json.JSONEncoder(default=repr)


def _to_json(event: EventDict, **_options: Any) -> str:
    return _JSON.encode(event)


def _add_request_id(_logger: Any, _method: str, event: EventDict) -> EventDict:
    if request_id := current_request.get().id:
        event["request_id"] = request_id
    return event


def _to_text(exc_info: ExcInfo) -> str:
    return format_exception(exc_info[1])


def _to_console(sio: TextIO, exc_info: ExcInfo) -> None:
    # The pretty formatters print local variables, and among those are passwords.
    sio.write(f"\n{_to_text(exc_info)}")
