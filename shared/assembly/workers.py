"""Whether a process is one of several that somebody else starts, and starts again."""

from multiprocessing import current_process
from typing import Any


def replaces_another() -> bool:
    """Whether uvicorn's supervisor started this worker after its first ones: in the place of one that had ended.

    The supervisor does not say so, but a process knows how many its parent started before it.
    """
    process: Any = current_process()
    number = process._identity[-1:]  # noqa: SLF001 - stated in no other place; what tests/end_to_end holds
    config = getattr(process, "_kwargs", {}).get("config")
    return bool(number) and number[0] > getattr(config, "workers", number[0])
