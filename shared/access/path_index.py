"""An index over the routes' paths: which routes a path may reach, however many there are."""

from collections.abc import Iterable
from uuid import UUID

from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext
from starlette.convertors import FloatConvertor, IntegerConvertor, PathConvertor, StringConvertor, UUIDConvertor
from starlette.routing import PARAM_REGEX, BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp

WITHIN_A_SEGMENT = {StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor}
SAMPLES = {
    StringConvertor: "~",
    IntegerConvertor: "7",
    FloatConvertor: "7.5",
    UUIDConvertor: str(UUID(int=7)),
    PathConvertor: "~/~",
}
WHOLE_PATHS = {Route, WebSocketRoute, APIWebSocketRoute}


class PathIndex:
    """A tree of path segments, in which each route hangs where its path ends.

    It only leaves out what cannot match; whether a candidate does match, the route itself says.
    """

    def __init__(self, contexts: Iterable[RouteContext]) -> None:
        self._root = _Node()
        self._depth = 0
        for position, context in enumerate(contexts):
            self._add(position, context)

    def candidates(self, path: str) -> list[int]:
        """The positions of the routes that may match this path, in the order of the routes."""
        found = self._root.beneath.copy()
        nodes = [self._root]
        for segment in path.split("/", self._depth):
            nodes = [
                child for node in nodes for child in (node.fixed.get(segment), node.parameter) if child is not None
            ]
            if not nodes:
                break
            for node in nodes:
                found += node.beneath
        for node in nodes:
            found += node.ends
        return sorted(found)

    def _add(self, position: int, context: RouteContext) -> None:
        node, route = self._root, context.original_route
        if not (ends := is_whole_path(route)) and type(route) is not Mount:
            node.beneath.append(position)  # what does not go by its path, a host for example
            return
        segments = (context.path or "").split("/")
        self._depth = max(self._depth, len(segments))
        for segment in segments:
            names = [name for name, _ in PARAM_REGEX.findall(segment)]
            if any(type(context.param_convertors[name]) not in WITHIN_A_SEGMENT for name in names):
                node.beneath.append(position)
                return
            node = node.below_parameter() if names else node.fixed.setdefault(segment, _Node())
        (node.ends if ends else node.beneath).append(position)


class _Node:
    """Where one or several paths have come to after a segment."""

    __slots__ = ("beneath", "ends", "fixed", "parameter")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.ends: list[int] = []
        self.beneath: list[int] = []

    def below_parameter(self) -> "_Node":
        if self.parameter is None:
            self.parameter = _Node()
        return self.parameter


def application_of(context: RouteContext) -> ASGIApp | None:
    """What the router would run for this route once it has chosen it; None where more than that belongs to it."""
    route = context.original_route
    if is_whole_path(route) or type(route) is Mount:
        app: ASGIApp = context.app
        return app
    return None


def sample_path(context: RouteContext) -> str | None:
    """A path that this route is for, and as few others as can be; None where only the route itself could tell."""
    path = context.path or ""
    if not is_whole_path(context.original_route):
        return None
    samples = {name: SAMPLES.get(type(convertor)) for name, convertor in context.param_convertors.items()}
    return None if None in samples.values() else PARAM_REGEX.sub(lambda found: str(samples[found[1]]), path)


def adds_limits(part: BaseRoute) -> bool:
    """Whether this is an included router that has limits of its own, or in it: only the router applies those."""
    inclusion = getattr(part, "include_context", None)
    return inclusion is not None and (
        bool(inclusion.form_limits)
        or inclusion.max_body_size is not None
        or any(map(adds_limits, part.original_router.routes))  # type: ignore[attr-defined]  # FastAPI has no public name for such a part
    )


def is_whole_path(route: BaseRoute) -> bool:
    """Whether it is for one path and method, as FastAPI and Starlette match them."""
    return type(route) in WHOLE_PATHS or _is_api_route(route)


def _is_api_route(route: BaseRoute) -> bool:
    # A route class of a module's own may build its handler as it likes; one that matches in its own way is left alone.
    kind = type(route)
    return issubclass(kind, APIRoute) and kind.matches is APIRoute.matches and kind.handle is APIRoute.handle
