"""Domain events: how a module tells others what happened without knowing who listens."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class ApplicationStarted:
    """The database is there and matches the code; requests come next. Each process publishes it, with a transaction."""


Handler = Callable[[Any, AsyncSession, Any], Awaitable[None]]


class EventHandlers:
    """The handlers of one module, declared in its `events.py` as `handlers = EventHandlers()`.

    A handler gets the event, the publisher's session and its own module's container:

        @handlers.on(UserDeactivated)
        async def end_sessions(event: UserDeactivated, session: AsyncSession, container: Container) -> None: ...
    """

    def __init__(self) -> None:
        self.by_event: dict[type, list[Handler]] = defaultdict(list)

    def on(self, event: type[E]) -> Callable[[Callable[[E, AsyncSession, Any], Awaitable[None]]], Handler]:
        def register(handler: Callable[[E, AsyncSession, Any], Awaitable[None]]) -> Handler:
            self.by_event[event].append(handler)
            return handler

        return register


class EventBus:
    """Delivers an event to its handlers within the publisher's transaction: all of it happens, or nothing."""

    def __init__(self) -> None:
        self._subscriptions: dict[type, list[tuple[Handler, Any]]] = defaultdict(list)

    def subscribe(self, handlers: EventHandlers, container: Any) -> None:
        for event, listeners in handlers.by_event.items():
            self._subscriptions[event] += [(listener, container) for listener in listeners]

    async def publish(self, event: object, session: AsyncSession) -> None:
        """Run the handlers one after another, in module order; an exception undoes the whole transaction."""
        for handler, container in self._subscriptions[type(event)]:
            await handler(event, session, container)
