"""The way from an application to its parts, for whoever holds it: a request, a layer around it, a dependency."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")

Parts = Mapping[type[Any], Callable[[], Any]]
"""How each part is got, by its type: called at each look-up, so that a part may be replaced until it is first used."""


def put_parts(app: Any, parts: Parts) -> None:
    app.state.parts = parts


def part_of(app: Any, kind: type[T]) -> T:
    """The part of this type: `Runtime`, `AccessTable`, `Database`, `Throttle` or `Shutdown`."""
    return cast("T", app.state.parts[kind]())
