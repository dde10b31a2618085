"""The log: JSON lines in production, readable ones in development."""

from shared.logging.setup import configure_logging

__all__ = [
    "configure_logging",
]
