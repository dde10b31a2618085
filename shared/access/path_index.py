"""An index over the routes' paths: a look-up takes the same time among few routes and among many."""

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
    """A trie of path segments.

    It only excludes routes that cannot match; each candidate's own `matches` decides.
    """

    def __init__(self, contexts: Iterable[RouteContext]) -> None:
        self._root = _Node()
        self._depth = 0
        for position, context in enumerate(contexts):
            self._add(position, context)

    def candidates(self, path: str) -> list[int]:
        """The positions of the routes that may match this path, in the order of the routes."""
        found = self._root.prefix_routes.copy()
        nodes = [self._root]
        for segment in path.split("/", self._depth):
            nodes = [
                child
                for node in nodes
                for child in (node.children.get(segment), node.parameter_child)
                if child is not None
            ]
            if not nodes:
                break
            for node in nodes:
                found += node.prefix_routes
        for node in nodes:
            found += node.routes
        return sorted(found)

    def _add(self, position: int, context: RouteContext) -> None:
        node, route = self._root, context.original_route
        if not (is_whole := is_whole_path(route)) and type(route) is not Mount:
            node.prefix_routes.append(position)  # not matched by its path: a host, for example
            return
        segments = (context.path or "").split("/")
        self._depth = max(self._depth, len(segments))
        for segment in segments:
            names = [name for name, _ in PARAM_REGEX.findall(segment)]
            if any(type(context.param_convertors[name]) not in WITHIN_A_SEGMENT for name in names):
                node.prefix_routes.append(position)
                return
            node = node.add_parameter_child() if names else node.children.setdefault(segment, _Node())
        (node.routes if is_whole else node.prefix_routes).append(position)


class _Node:
    """A node of the trie. `routes` end here; `prefix_routes` may match any path that continues from here."""

    __slots__ = ("children", "parameter_child", "prefix_routes", "routes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter_child: _Node | None = None
        self.routes: list[int] = []
        self.prefix_routes: list[int] = []

    def add_parameter_child(self) -> "_Node":
        if self.parameter_child is None:
            self.parameter_child = _Node()
        return self.parameter_child


def application_of(context: RouteContext) -> ASGIApp | None:
    """The ASGI application that the router would run for this route; None if the router does more than that."""
    route = context.original_route
    if is_whole_path(route) or type(route) is Mount:
        app: ASGIApp = context.app
        return app
    return None


def sample_path(context: RouteContext) -> str | None:
    """A path that matches this route, and as few others as possible; None if only the route itself can tell."""
    path = context.path or ""
    if not is_whole_path(context.original_route):
        return None
    samples = {name: SAMPLES.get(type(convertor)) for name, convertor in context.param_convertors.items()}
    return None if None in samples.values() else PARAM_REGEX.sub(lambda found: str(samples[found[1]]), path)


def adds_limits(part: BaseRoute) -> bool:
    """True if an included router, or one nested in it, sets limits: only FastAPI's router enforces them."""
    inclusion = getattr(part, "include_context", None)
    return inclusion is not None and (
        bool(inclusion.form_limits)
        or inclusion.max_body_size is not None
        or any(map(adds_limits, part.original_router.routes))  # type: ignore[attr-defined]  # FastAPI has no public name for such a part
    )


def is_whole_path(route: BaseRoute) -> bool:
    """True if the route matches a whole path, by FastAPI's or Starlette's own rules."""
    return type(route) in WHOLE_PATHS or _is_api_route(route)


def _is_api_route(route: BaseRoute) -> bool:
    # A subclass may build its handler differently; one that matches differently is left to the router.
    kind = type(route)
    return issubclass(kind, APIRoute) and kind.matches is APIRoute.matches and kind.handle is APIRoute.handle
