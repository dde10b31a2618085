"""Recognises a worker that replaces another."""

from multiprocessing import current_process
from typing import Any


def replaces_another() -> bool:
    """True if uvicorn's supervisor started this worker in place of one that had ended.

    The supervisor does not say so, but a process knows how many processes its parent started before.
    """
    process: Any = current_process()
    number = process._identity[-1:]  # noqa: SLF001 - no public name; tests/end_to_end checks it
    config = getattr(process, "_kwargs", {}).get("config")
    return bool(number) and number[0] > getattr(config, "workers", number[0])
