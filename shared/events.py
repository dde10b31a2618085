"""Domain events: a module announces what happened, without knowing its listeners."""

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar, overload

from sqlalchemy.ext.asyncio import AsyncSession

E = TypeVar("E")

EVENT_NAME = re.compile(r"[a-z][a-z0-9_]*:[A-Za-z]\w*")


@dataclass(frozen=True, slots=True)
class ApplicationStarted:
    """Published by each process before its first request, in a transaction, when the database matches the code."""


Handler = Callable[[Any, AsyncSession, Any], Awaitable[None]]


class EventHandlers:
    """The handlers of one module, declared in its `handlers.py` as `handlers = EventHandlers()`.

    A handler gets the event, the publisher's session and its own module's container:

        @handlers.on(UserDeactivated)
        async def end_sessions(event: UserDeactivated, session: AsyncSession, container: Container) -> None: ...

    An event of a module that is not required, and may be missing, is named as text: `on("billing:InvoicePaid")`.
    """

    def __init__(self) -> None:
        self.by_event: dict[type, list[Handler]] = defaultdict(list)
        self.by_name: dict[str, list[Handler]] = defaultdict(list)

    @overload
    def on(self, event: type[E]) -> Callable[[Callable[[E, AsyncSession, Any], Awaitable[None]]], Handler]: ...

    @overload
    def on(self, event: str) -> Callable[[Handler], Handler]: ...

    def on(self, event: type | str) -> Callable[[Handler], Handler]:
        if isinstance(event, str) and not EVENT_NAME.fullmatch(event):
            raise ValueError(f"{event!r} names no event: write 'module:EventClass', such as 'billing:InvoicePaid'")

        def register(handler: Handler) -> Handler:
            (self.by_name[event] if isinstance(event, str) else self.by_event[event]).append(handler)
            return handler

        return register


class EventBus:
    """Delivers an event to its handlers within the publisher's transaction: all of it happens, or nothing."""

    def __init__(self) -> None:
        self._subscriptions: dict[type, list[tuple[Handler, Any]]] = defaultdict(list)

    def subscribe(
        self, handlers: EventHandlers, container: Any, named: Mapping[str, type] = MappingProxyType({})
    ) -> None:
        """`named` has the events that are named as text; a handler whose event is not in it never runs."""
        for event, listeners in handlers.by_event.items():
            self._subscriptions[event] += [(listener, container) for listener in listeners]
        for name, event in named.items():
            self._subscriptions[event] += [(listener, container) for listener in handlers.by_name[name]]

    async def publish(self, event: object, session: AsyncSession) -> None:
        """Run the handlers one after another, in module order; an exception undoes the whole transaction."""
        for handler, container in self._subscriptions[type(event)]:
            await handler(event, session, container)
