"""Reads who may call each route from the markers around it, and refuses a marker without effect."""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, get_args

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_parameterless_sub_dependant, get_typed_signature
from fastapi.params import Depends
from fastapi.routing import RouteContext, _IncludedRouter
from starlette.routing import BaseRoute, Host, Mount
from starlette.types import ASGIApp

from shared.access.long_lived import refuse_session
from shared.access.markers import ATTRIBUTE, Marker, Public, Requires
from shared.access.path_index import adds_limits, application_of
from shared.module import ModuleError


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A route together with who may call it."""

    context: RouteContext
    marker: Marker | None
    """The nearest to the route; a `Requires` if there is one."""
    permissions: frozenset[str]
    """Those of all markers; the caller needs every one."""
    app: ASGIApp | None
    """The ASGI application that runs for it; None if only the router can tell."""
    source: BaseRoute
    """The route or router of the application in which it stands."""

    @property
    def path(self) -> str:
        return self.context.path or ""

    @property
    def methods(self) -> frozenset[str]:
        """HTTP methods; empty for websockets and mounts."""
        return frozenset(getattr(self.context, "methods", None) or ())

    @property
    def is_template(self) -> bool:
        """True if the path has parameters: `/users/{user_id}`."""
        return "{" in self.path

    @property
    def is_public(self) -> bool:
        return isinstance(self.marker, Public)

    @property
    def endpoint(self) -> Any:
        # A mount's endpoint is the application that it mounts.
        return getattr(self.context, "endpoint", None) or getattr(self.context, "app", None)

    @property
    def lines(self) -> list[str]:
        """One for each method: `GET /api/health`."""
        return _lines(self.context)

    @property
    def file(self) -> str:
        """The source file of its endpoint, for messages."""
        return _file_of(self.context)


def entries_of(routes: Iterable[BaseRoute], dependencies: Sequence[Depends] = ()) -> Iterator[RouteEntry]:
    """The entries of these routes, in matching order.

    Args:
        routes: Those of an application or a router.
        dependencies: Those of that application or router, for all its routes.

    Raises:
        ModuleError: A marker would weaken another, or stands where it has no effect.
    """
    for part in routes:
        limited = adds_limits(part)
        for context, written in _written(part, dependencies):
            markers = [one for one in written if isinstance(one, Marker)] + _marks(context)
            _refuse_weaker(context, markers)
            _refuse_hidden(context, [one for one in written if not isinstance(one, Marker)])
            yield RouteEntry(
                context,
                marker=markers[-1] if markers else None,
                permissions=frozenset(one.permission for one in markers if isinstance(one, Requires)),
                app=None if limited else application_of(context),
                source=part,
            )


def _written(part: BaseRoute, dependencies: Sequence[Depends]) -> Iterator[tuple[RouteContext, list[Depends]]]:
    """Each route in `part`, with the dependencies of the routers around it and its own, outermost first.

    FastAPI applies a router's dependencies only to routes that the router creates: not to plain routes, mounts and
    hosts, nor to routes added to its list. A router's markers hold for all of them.
    """
    if not isinstance(part, _IncludedRouter):
        yield RouteContext(part), _with_own(dependencies, part)
        return
    for one in part.effective_candidates():
        if isinstance(one, _IncludedRouter):
            yield from _written(one, ())
        else:
            above = part.include_context.dependencies
            own = _with_own(part.original_router.dependencies, one.original_route)
            yield RouteContext(one.original_route, one), [*above, *own]


def _with_own(of_the_router: Sequence[Depends], route: BaseRoute) -> list[Depends]:
    own = list(getattr(route, "dependencies", ()))
    return own if own[: len(of_the_router)] == list(of_the_router) else [*of_the_router, *own]


def _marks(context: RouteContext) -> list[Marker]:
    return [marker for layer in _layers(_served(context)) for marker in getattr(layer, ATTRIBUTE, ())]


def _layers(endpoint: Any) -> list[Any]:
    """The endpoint and what it wraps: `partial` holds that as `func`, and middleware as `app`."""
    layers: list[Any] = []
    while endpoint is not None and not any(endpoint is one for one in layers):
        layers.append(endpoint)
        endpoint = getattr(endpoint, "func", getattr(endpoint, "app", None))
    return layers


def _refuse_weaker(context: RouteContext, markers: Sequence[Marker]) -> None:
    for outer, inner in pairwise(markers):
        if isinstance(outer, Requires) and not isinstance(inner, Requires):
            raise ModuleError(
                f"{_file_of(context)}: {', '.join(_lines(context))} is marked {inner!r}, and {outer!r} stands before "
                "or around it. Markers add up, so this one would change nothing: take one of the two away, or move the "
                "route to a router that is not marked so"
            )


def _refuse_hidden(context: RouteContext, dependencies: Iterable[Depends]) -> None:
    where = f"{_file_of(context)}: {', '.join(_lines(context))}"
    served = _served(context)
    dependants = [get_parameterless_sub_dependant(depends=one, path=context.path or "") for one in dependencies]
    if own := getattr(context, "dependant", None):
        dependants.append(own)
    within = [call for dependant in dependants for call in _calls(dependant) if call is not served]
    refuse_session(context, where, within)
    within += _methods(served)
    if any(hasattr(one, ATTRIBUTE) or _asks_for_a_marker(one) for one in within) or _asks_for_a_marker(served):
        raise ModuleError(
            f"{where} has a marker in a parameter, in a dependency or on a method, where it does not count: put it "
            "into `dependencies=[...]` of the route or of its router"
        )
    if isinstance(context.original_route, (Mount, Host)) and _is_marked_within(served):
        raise ModuleError(
            f"{where} mounts an application with markers of its own, where they do not count: mark it as a whole, "
            "`Requires(...).mark(app)`, or use `include_router` in place of `mount`"
        )


def _calls(dependant: Dependant) -> Iterator[Any]:
    """All functions that FastAPI calls for it."""
    yield dependant.call
    for one in dependant.dependencies:
        yield from _calls(one)


def _methods(endpoint: Any) -> list[Any]:
    """The methods of a class-based endpoint: one for each HTTP method or websocket event."""
    kinds = endpoint.__mro__ if isinstance(endpoint, type) else ()
    return [one for kind in kinds for one in vars(kind).values() if inspect.isfunction(one)]


def _asks_for_a_marker(call: Any) -> bool:
    if not callable(call):
        return False
    try:
        parameters = get_typed_signature(call).parameters.values()
    except ValueError:  # built in, without a signature
        return False
    return _is_marker(call) or any(_is_marker(one.annotation) or _is_marker(one.default) for one in parameters)


def _is_marker(written: Any) -> bool:
    """True for a marker, and for an annotation that contains one."""
    if isinstance(written, type):
        return issubclass(written, Marker)
    if isinstance(written, Depends):
        return isinstance(written, Marker) or _is_marker(written.dependency)
    return any(map(_is_marker, get_args(getattr(written, "__value__", written))))


def _is_marked_within(app: Any) -> bool:
    for layer in _layers(app):
        if hasattr(getattr(layer, "state", None), "access"):
            return False  # a complete application, which decides about its requests itself
        router = getattr(layer, "router", layer)
        dependencies = getattr(router, "dependencies", ())
        try:
            entries = list(entries_of(getattr(router, "routes", ()), dependencies))
        except ModuleError:
            return True
        if any(entry.marker for entry in entries) or any(isinstance(one, Marker) for one in dependencies):
            return True
    return False


def _served(context: RouteContext) -> Any:
    """The endpoint, or the application of a mount or host as its author wrote it: FastAPI wraps a host's."""
    return getattr(context, "endpoint", None) or getattr(context.original_route, "app", None)


def _file_of(context: RouteContext) -> str:
    endpoint = _served(context)
    endpoint = inspect.unwrap(endpoint) if callable(endpoint) else endpoint
    try:
        return inspect.getsourcefile(endpoint) or repr(endpoint)
    except TypeError:
        return repr(endpoint)


def _lines(context: RouteContext) -> list[str]:
    kind = type(context.original_route).__name__
    methods = frozenset(getattr(context, "methods", None) or ())
    written = sorted(methods - {"HEAD"} or methods) or ["WEBSOCKET" if "WebSocket" in kind else kind.upper()]
    return [f"{method} {context.path or getattr(context, 'host', '')}" for method in written]
