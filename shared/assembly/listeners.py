"""Subscribes the modules' handlers to events, if the publishing module is there."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import structlog

from shared.assembly.discovery import DiscoveredModule, Modules
from shared.events import EventBus, EventHandlers
from shared.module import ModuleError

log = structlog.get_logger(__name__)


def subscribe_handlers(bus: EventBus, modules: Modules, containers: Mapping[str, Any]) -> None:
    """Subscribe the handlers in each module's `handlers.py` and `events.py`.

    An event that is named as text, `"billing:InvoicePaid"`, is skipped if its module is missing or switched off.

    Args:
        modules: Those that are switched on.

    Raises:
        ModuleError: The `__all__` of its module does not list a named event.
    """
    for module in modules.values():
        for handlers in _declared(module):
            named = {name: event for name in handlers.by_name if (event := _event(name, module, modules)) is not None}
            bus.subscribe(handlers, containers.get(module.name), named)


def _declared(module: DiscoveredModule) -> Iterator[EventHandlers]:
    if (handlers := getattr(module.part("events"), "handlers", None)) is not None:
        yield handlers
    if (handlers := module.attribute("handlers", "handlers")) is not None:
        yield handlers


def _event(name: str, module: DiscoveredModule, modules: Modules) -> type | None:
    publisher, _, event = name.partition(":")
    if publisher not in modules:
        log.info("listener_without_publisher", module=module.name, listens_to=name)
        return None
    face = modules[publisher].face()
    shown = list(getattr(face, "__all__", ()))
    found = getattr(face, event, None) if event in shown else None
    if not isinstance(found, type):
        near = get_close_matches(event, shown, n=1)
        raise ModuleError(
            f"module {module.name!r}: a handler listens to {name!r}, and {face.__file__} lists no such event in "
            f"__all__{f' (did you mean {near[0]}?)' if near else ''}"
        )
    return found
