"""Access to the parts of an application, for requests, middleware and dependencies."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")

Parts = Mapping[type[Any], Callable[[], Any]]
"""A getter for each part, by its type. Called at each look-up: a part may be replaced until it is first used."""


def put_parts(app: Any, parts: Parts) -> None:
    app.state.parts = parts


def part_of(app: Any, kind: type[T]) -> T:
    """The part of this type: `Runtime`, `AccessTable`, `Database`, `Paginator`, `Throttle` or `Shutdown`."""
    return cast("T", app.state.parts[kind]())
